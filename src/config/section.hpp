#pragma once

#include "config/document.hpp"
#include "config/parsed.hpp"
#include "config/report.hpp"
#include "config/values.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::config {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;

/// The paths of all keys that were asked for and of those that the file has, as
/// "limits.body_bytes", "listeners[].address", "services.*.hosts". Tests compare both with each
/// other.
struct KeyLog {
    std::set<std::string> known;
    std::set<std::string> used;
};

/// What the reading of one file shares.
struct Reader {
    std::string folder;  ///< Absolute; what relative paths are taken from.
    Report& report;
    KeyLog* log = nullptr;

    /// The path of a file named in the configuration, absolute.
    [[nodiscard]] std::string resolve(const std::string& path) const;
};

/// One map of the file. Each read function takes a key, marks it as known, and leaves `out` (the
/// default) alone when the key is not there or its value is wrong; what is wrong is reported.
class Section {
  public:
    /// `value` must be a map or null (every key commented out). `path` names it in messages, and
    /// `log_path` in the KeyLog.
    Section(Reader& reader, const Value& value, std::string path, std::string log_path);

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] Reader& reader() const noexcept { return reader_; }

    /// Where the map begins.
    [[nodiscard]] Mark mark() const noexcept { return mark_; }
    /// Where the value of the key is; that of the map when the key is not there.
    [[nodiscard]] Mark mark(std::string_view key) const;
    /// The key is there, with a value.
    [[nodiscard]] bool has(std::string_view key) const;

    /// Text that `parse` (std::string_view -> Parsed<T>) accepts.
    template <class T, class Parse>
    void read(std::string_view key, T& out, Parse parse) {
        const Value* value = scalar(key);
        if (value == nullptr) return;
        if (auto parsed = parse(std::string_view(value->text))) {
            out = static_cast<T>(*std::move(parsed));
        } else {
            problem(value->mark, key, parsed.error().message);
        }
    }

    void flag(std::string_view key, bool& out) { read(key, out, parse_flag); }

    template <class T>
    void number(std::string_view key, T& out, std::uint64_t least, std::uint64_t most) {
        read(key, out, [=](std::string_view text) { return parse_number(text, least, most); });
    }

    /// A size in bytes.
    template <class T>
    void size(std::string_view key, T& out, std::uint64_t least, std::uint64_t most) {
        read(key, out, [=](std::string_view text) { return parse_size(text, least, most); });
    }

    void duration(std::string_view key, std::chrono::milliseconds& out,
                  std::chrono::milliseconds least, std::chrono::milliseconds most) {
        read(key, out, [=](std::string_view text) { return parse_duration(text, least, most); });
    }

    /// A path of a file; becomes absolute.
    void file(std::string_view key, std::string& out);

    /// A map below this one; not called when the key is not there.
    void section(std::string_view key, const std::function<void(Section&)>& read);

    /// A list; `read` is called for each item. Like the others of this kind it returns false when
    /// there is nothing: no such key, no value, or an empty list. (A wrong value is reported.)
    bool list(std::string_view key, const std::function<void(const Value&)>& read);

    /// A list of scalars, each of which `parse` accepts; `take(result, mark)` gets each.
    template <class Parse, class Take>
    bool texts(std::string_view key, Parse parse, Take take) {
        return list(key, [&](const Value& item) {
            if (!is_scalar(item, key)) return;
            if (auto parsed = parse(std::string_view(item.text))) {
                take(*std::move(parsed), item.mark);
            } else {
                problem(item.mark, key, parsed.error().message);
            }
        });
    }

    /// A list of maps.
    bool sections(std::string_view key, const std::function<void(Section&)>& read);

    /// A map whose keys the user chooses: `read(key, key's place, value)`.
    bool entries(std::string_view key,
                 const std::function<void(const std::string&, Mark, const Value&)>& read);

    /// Reads `value` as a map: a value of entries() or a list's item.
    void section_of(const Value& value, const std::string& key, const std::string& log_key,
                    const std::function<void(Section&)>& read);

    /// The key's value, for keys that take values of several kinds; marks the key as known. Null
    /// when it is not there or has no value.
    const Value* value(std::string_view key);

    /// Whether it is a scalar; if not, says so.
    bool is_scalar(const Value& value, std::string_view key);

    /// Reports "'KEY': MESSAGE".
    void problem(Mark mark, std::string_view key, const std::string& message);
    /// Reports the missing key, at the begin of the map.
    void missing(std::string_view key, std::string_view expected);

    /// Reports the keys that nobody asked for. To be called once, after the last read.
    void finish();

  private:
    struct Field {
        const std::string* key;
        Mark key_mark;
        const Value* value;
        bool known = false;
    };

    /// Takes over the fields of a map: its own ones first, then those of its merge keys (<<).
    void collect(const Value& map, std::set<const Value*>& seen);
    Field* find(std::string_view key);
    [[nodiscard]] const Field* find(std::string_view key) const;
    /// Marks the key as known; the field if it is there.
    Field* ask(std::string_view key);
    /// The key's value if it is a scalar; reports what it is otherwise.
    const Value* scalar(std::string_view key);
    [[nodiscard]] std::string log_path(std::string_view key) const;

    Reader& reader_;
    std::string path_;
    std::string log_path_;
    Mark mark_;
    std::vector<Field> fields_;
    std::vector<std::string_view> known_;
};

}  // namespace switchyard::config
