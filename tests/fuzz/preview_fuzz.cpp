// Passes, cookies and links of previews: nothing opens that was not signed, nothing of it is left
// in what goes on, and everything else is as it was. The input is a pass, a Cookie field and a
// request target, a line each.
// depends: switchyard_route
#include "route/preview_pass.hpp"
#include "route/preview_signs.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace switchyard;

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "not so: %s\n", what);
    std::abort();
}

const std::vector<std::string> kHeaders = {"x-switchyard-preview"};
const std::vector<std::string> kCookies = {"switchyard_preview", "slot"};
const route::PreviewNames kNames{kHeaders, kCookies};

std::string_view take_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

void check_pass(std::string_view text) {
    static const std::vector<route::PassKey> keys = {
        route::make_pass_key("0123456789abcdef0123456789abcdef")};
    constexpr std::int64_t kNow = 1'772'341'000;
    if (const auto pass = route::check_pass(text, keys, "shop", kNow, 86'400)) {
        require(route::make_pass(keys[0], "shop", pass->expires, pass->id) == text,
                "what opens is what would be made");
        require(!route::check_pass(text, keys, "shop2", kNow, 86'400), "it opens one service");
        require(!route::check_pass(text, keys, "shop", pass->expires, 86'400), "it ends");
    }
    const std::string_view id = text.substr(0, 32);
    if (!route::valid_pass_id(id)) return;
    const std::string made = route::make_pass(keys[0], "shop", kNow + 60, id);
    require(route::check_pass(made, keys, "shop", kNow, 86'400).has_value(), "what is made opens");
}

/// The pieces of a Cookie field, without those of previews and the space around.
std::vector<std::string> other_pieces(std::string_view value) {
    std::vector<std::string> pieces;
    while (!value.empty()) {
        const std::size_t end = std::min(value.find(';'), value.size());
        std::string_view piece = value.substr(0, end);
        value.remove_prefix(std::min(end + 1, value.size()));
        while (!piece.empty() && (piece.front() == ' ' || piece.front() == '\t'))
            piece.remove_prefix(1);
        while (!piece.empty() && (piece.back() == ' ' || piece.back() == '\t'))
            piece.remove_suffix(1);
        std::string_view name = piece.substr(0, piece.find('='));
        while (!name.empty() && (name.back() == ' ' || name.back() == '\t'))
            name.remove_suffix(1);
        const bool ours = std::any_of(kCookies.begin(), kCookies.end(),
                                      [name](const std::string& known) { return known == name; });
        if (!ours && !piece.empty()) pieces.emplace_back(piece);
    }
    return pieces;
}

void check_request(std::string_view cookie, std::string_view target) {
    http::RequestHead head;
    head.origin_target = target;
    // Memory of exactly this size: a read past it is seen.
    const std::vector<char> exact(cookie.begin(), cookie.end());
    head.fields.push_back(
        {http::FieldId::cookie, "Cookie", std::string_view(exact.data(), exact.size())});
    head.fields.push_back({http::FieldId::unknown, "X_Switchyard_Preview", cookie});
    const route::PreviewSigns signs = route::find_signs(head, kNames);
    require(signs.any && signs.count > 0, "the header is found");

    http::Fields fields = head.fields;
    std::string scratch;
    route::remove_signs(fields, kNames, scratch);
    std::string left;
    require(fields.size() <= 1, "the header is gone");
    if (!fields.empty()) left = fields[0].value;
    require(other_pieces(left) == other_pieces(cookie), "other cookies stay");

    std::string clean_scratch;
    const std::string clean(route::without_preview_parameter(target, clean_scratch));
    require(!route::has_preview_parameter(clean), "the parameter is gone");
    require(clean.size() <= target.size(), "nothing is added");
    if (!route::has_preview_parameter(target)) require(clean == target, "all else stays");

    http::RequestHead after;
    after.origin_target = clean;
    after.fields = fields;
    require(!route::find_signs(after, kNames).any, "nothing of it is left");

    if (clean.empty() || clean[0] != '/') return;
    std::string location;
    route::append_local_location(location, clean);
    require(location.size() < 2 || (location[1] != '/' && location[1] != '\\'),
            "it names no other host");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    check_pass(take_line(text));
    const std::string_view cookie = take_line(text);
    check_request(cookie, text);
    return 0;
}
