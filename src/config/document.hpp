#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::config {

class Report;

/// A place in a file, 1-based. Line 0 stands for the file as a whole.
struct Mark {
    int line = 0;
    int column = 0;
    auto operator<=>(const Mark&) const = default;
};

/// One YAML value with its place. Aliases point to the value that carries the anchor, so that the
/// same Value may be reached on several ways, even from within itself.
struct Value {
    enum class Kind { null, scalar, list, map };
    struct Entry {
        const Value* key;
        const Value* value;
    };

    Kind kind = Kind::null;
    Mark mark;
    std::string text;                 ///< Of a scalar.
    bool quoted = false;              ///< The scalar was written in quotes or as a block.
    std::vector<const Value*> items;  ///< Of a list.
    std::vector<Entry> entries;       ///< Of a map, in the order of the file, repeats included.
};

/// A parsed file: owns every Value.
class Document {
  public:
    Document() = default;
    Document(Document&&) = default;
    Document& operator=(Document&&) = default;
    Document(const Document&) = delete;
    Document& operator=(const Document&) = delete;

    /// Null when the file could not be parsed.
    [[nodiscard]] const Value* root() const noexcept { return root_; }

  private:
    friend Document parse_document(std::string_view, Report&);
    std::deque<Value> values_;
    const Value* root_ = nullptr;
};

inline constexpr std::size_t kMaxFileBytes = 4 * 1024 * 1024;
inline constexpr std::size_t kMaxDepth = 32;
inline constexpr std::size_t kMaxValues = 100'000;
inline constexpr std::size_t kMaxAliases = 1'000;

/// Parses a text that holds one YAML document. What is wrong goes to `report` and leaves root()
/// null: syntax errors, several documents, an empty file, and more than the limits above.
[[nodiscard]] Document parse_document(std::string_view text, Report& report);

}  // namespace switchyard::config
