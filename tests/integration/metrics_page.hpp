#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// A strict reader of the Prometheus text format (version 0.0.4), to check the metrics page with:
/// what a scraper might forgive is an error here.
namespace switchyard::test {

struct MetricsError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

using Labels = std::map<std::string, std::string>;

class MetricsPage {
  public:
    struct Family {
        std::string type;
        std::string help;
        std::map<std::pair<std::string, Labels>, double> samples;  ///< By name and labels.
    };

    explicit MetricsPage(std::string_view text) {
        if (!text.ends_with('\n')) throw MetricsError("the page does not end with a line end");
        while (!text.empty()) {
            const auto end = text.find('\n');
            read_line(text.substr(0, end));
            text.remove_prefix(end + 1);
        }
        for (const auto& [name, family] : families_) {
            if (family.type.empty()) throw MetricsError(name + " has no type");
            if (family.type == "histogram") check_histogram(name, family);
        }
    }

    [[nodiscard]] const std::map<std::string, Family>& families() const noexcept {
        return families_;
    }

    /// The sample with exactly these labels; throws MetricsError if there is none.
    [[nodiscard]] double value(const std::string& name, const Labels& labels = {}) const {
        const auto& samples = family_of(name).samples;
        const auto found = samples.find({name, labels});
        if (found == samples.end()) throw MetricsError("no sample of " + name);
        return found->second;
    }

    /// The sum of all samples that have these labels among theirs.
    [[nodiscard]] double sum(const std::string& name, const Labels& labels = {}) const {
        double total = 0;
        for (const auto& [key, value] : family_of(name).samples) {
            if (key.first == name && includes(key.second, labels)) total += value;
        }
        return total;
    }

  private:
    static bool includes(const Labels& all, const Labels& wanted) {
        for (const auto& [name, value] : wanted) {
            const auto found = all.find(name);
            if (found == all.end() || found->second != value) return false;
        }
        return true;
    }

    [[nodiscard]] const Family& family_of(const std::string& name) const {
        for (const std::string_view suffix : {"", "_bucket", "_sum", "_count"}) {
            if (!std::string_view(name).ends_with(suffix)) continue;
            const auto found = families_.find(name.substr(0, name.size() - suffix.size()));
            if (found == families_.end()) continue;
            if (suffix.empty() || found->second.type == "histogram") return found->second;
        }
        throw MetricsError("no metric " + name);
    }

    static bool name_character(char c, bool first) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
               (!first && c >= '0' && c <= '9');
    }

    static std::string take_name(std::string_view& line) {
        std::size_t size = 0;
        while (size < line.size() && name_character(line[size], size == 0))
            ++size;
        if (size == 0) throw MetricsError("a name expected: " + std::string(line));
        const std::string name(line.substr(0, size));
        line.remove_prefix(size);
        return name;
    }

    static void take(std::string_view& line, std::string_view expected) {
        if (!line.starts_with(expected)) {
            throw MetricsError("'" + std::string(expected) + "' expected: " + std::string(line));
        }
        line.remove_prefix(expected.size());
    }

    static std::string take_quoted(std::string_view& line) {
        take(line, "\"");
        std::string text;
        while (!line.starts_with('"')) {
            if (line.empty()) throw MetricsError("an open quote");
            if (line.front() == '\\') {
                line.remove_prefix(1);
                if (line.empty()) throw MetricsError("a lonely backslash");
                if (line.front() == 'n') {
                    text += '\n';
                } else if (line.front() == '\\' || line.front() == '"') {
                    text += line.front();
                } else {
                    throw MetricsError("an unknown escape");
                }
            } else {
                text += line.front();
            }
            line.remove_prefix(1);
        }
        take(line, "\"");
        return text;
    }

    static double number(const std::string& text) {
        if (text == "+Inf") return INFINITY;
        if (text == "-Inf") return -INFINITY;
        if (text == "NaN") return NAN;
        std::size_t used = 0;
        const double value = std::stod(text, &used);
        if (used != text.size()) throw MetricsError("not a number: " + text);
        return value;
    }

    void read_line(std::string_view line) {
        if (line.empty()) throw MetricsError("an empty line");
        if (line.front() == '#') {
            read_comment(line);
        } else {
            read_sample(line);
        }
    }

    void read_comment(std::string_view line) {
        const bool help = line.starts_with("# HELP ");
        take(line, help ? "# HELP " : "# TYPE ");
        const auto name = take_name(line);
        take(line, " ");
        auto& family = families_[name];
        auto& text = help ? family.help : family.type;
        if (!text.empty()) throw MetricsError(name + " is described twice");
        if (!family.samples.empty()) throw MetricsError(name + " is described after its samples");
        text = line;
        if (!help && text != "counter" && text != "gauge" && text != "histogram") {
            throw MetricsError(name + " is a " + text);
        }
        current_ = name;
    }

    void read_sample(std::string_view line) {
        const auto name = take_name(line);
        Labels labels;
        if (line.starts_with('{')) {
            take(line, "{");
            while (!line.starts_with('}')) {
                if (!labels.empty()) take(line, ",");
                const auto label = take_name(line);
                take(line, "=");
                if (!labels.emplace(label, take_quoted(line)).second) {
                    throw MetricsError("the label " + label + " twice");
                }
            }
            take(line, "}");
        }
        take(line, " ");
        const double value = number(std::string(line));
        auto& family = families_[current_];
        const bool histogram = family.type == "histogram";
        const bool fits = histogram ? name == current_ + "_bucket" || name == current_ + "_sum" ||
                                          name == current_ + "_count"
                                    : name == current_;
        if (!fits) throw MetricsError(name + " stands among " + current_);
        if (family.type == "counter" && !(value >= 0)) throw MetricsError(name + " is negative");
        if (!family.samples.emplace(std::pair{name, labels}, value).second) {
            throw MetricsError(name + " has the same labels twice");
        }
    }

    static void check_histogram(const std::string& name, const Family& family) {
        std::map<Labels, std::map<double, double>> buckets;
        for (const auto& [key, value] : family.samples) {
            if (key.first != name + "_bucket") continue;
            auto labels = key.second;
            const auto le = labels.extract("le");
            if (le.empty()) throw MetricsError(name + " has a bucket without le");
            buckets[labels][number(le.mapped())] = value;
        }
        for (const auto& [labels, steps] : buckets) {
            double before = 0;
            for (const auto& [bound, count] : steps) {
                if (count < before) throw MetricsError(name + " is not cumulative");
                before = count;
            }
            const auto last = steps.rbegin();
            const auto count = family.samples.find({name + "_count", labels});
            if (last->first != INFINITY || count == family.samples.end() ||
                count->second != last->second) {
                throw MetricsError(name + ": the last bucket is not the count");
            }
            if (!family.samples.contains({name + "_sum", labels})) {
                throw MetricsError(name + " has no sum");
            }
        }
    }

    std::map<std::string, Family> families_;
    std::string current_;
};

}  // namespace switchyard::test
