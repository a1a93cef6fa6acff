#pragma once

#include <fstream>
#include <iterator>
#include <string>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

namespace switchyard::admin {

/// The example of that name in docs/admin-api.md: what is documented is what is tested.
inline std::string example(const std::string& name) {
    std::ifstream in(ADMIN_API_PAGE);
    const std::string page{std::istreambuf_iterator<char>(in), {}};
    const std::string mark = "<!-- example: " + name + " -->\n```json\n";
    const auto begin = page.find(mark);
    const auto end = page.find("```", begin + mark.size());
    if (begin == std::string::npos || end == std::string::npos) {
        ADD_FAILURE() << ADMIN_API_PAGE << " has no example " << name;
        return "{}";
    }
    return page.substr(begin + mark.size(), end - begin - mark.size());
}

inline boost::json::value example_json(const std::string& name) {
    return boost::json::parse(example(name));
}

/// A line of an example that is a stream.
inline std::string example_line(const std::string& name, std::size_t line) {
    const std::string lines = example(name);
    std::size_t begin = 0;
    while (line-- > 0)
        begin = lines.find('\n', begin) + 1;
    return lines.substr(begin, lines.find('\n', begin) - begin);
}

}  // namespace switchyard::admin
