#include "config/document.hpp"

#include "config/report.hpp"

#include <istream>
#include <map>
#include <streambuf>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace switchyard::config {
namespace {

Mark place_of(const YAML::Mark& mark) {
    return mark.is_null() ? Mark{} : Mark{mark.line + 1, mark.column + 1};
}

/// Thrown out of the parser's callbacks to stop it.
struct Refused {
    Mark mark;
    std::string message;
};

/// Reads from memory without a copy of the text.
class ViewBuffer : public std::streambuf {
  public:
    explicit ViewBuffer(std::string_view text) {
        char* begin = const_cast<char*>(text.data());  // the get area is never written to
        setg(begin, begin, begin + text.size());
    }
};

/// Builds the tree from the parser's events. Depth is limited here, before the parser goes deeper:
/// it recurses once a level and would otherwise end on the stack's end.
class TreeBuilder : public YAML::EventHandler {
  public:
    explicit TreeBuilder(std::deque<Value>& values) : values_(values) {}

    [[nodiscard]] const Value* root() const noexcept { return root_; }
    [[nodiscard]] const YAML::Mark& last_quoted() const noexcept { return last_quoted_; }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (root_ != nullptr || started_) {
            throw Refused{place_of(mark), "a second document ('---'); expected one document"};
        }
        started_ = true;
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        Value* value = make(Value::Kind::null, mark, anchor);
        // The parser puts a value that is not there where the next token is.
        if (!open_.empty() && open_.back().key != nullptr) value->mark = open_.back().key->mark;
        place(value);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        if (++aliases_ > kMaxAliases) {
            throw Refused{place_of(mark), "more than " + std::to_string(kMaxAliases) + " aliases"};
        }
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) throw Refused{place_of(mark), "alias without an anchor"};
        place(found->second);
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& text) override {
        check_tag(mark, tag);
        Value* value = make(Value::Kind::scalar, mark, anchor);
        value->text = text;
        value->quoted = tag == "!";
        if (value->quoted) last_quoted_ = mark;
        place(value);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(Value::Kind::list, mark, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(Value::Kind::map, mark, tag, anchor);
    }
    void OnMapEnd() override { close(); }

  private:
    struct Open {
        Value* value;
        const Value* key = nullptr;  ///< Of a map: read, its value still to come.
    };

    static void check_tag(const YAML::Mark& mark, const std::string& tag) {
        if (tag.size() > 1 && tag.front() == '!') {
            throw Refused{place_of(mark), "tags such as " + in_quotes(tag) + " are not supported"};
        }
    }

    Value* make(Value::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
        if (values_.size() >= kMaxValues) {
            throw Refused{place_of(mark), "more than " + std::to_string(kMaxValues) + " values"};
        }
        Value& value = values_.emplace_back();
        value.kind = kind;
        value.mark = place_of(mark);
        if (anchor != YAML::NullAnchor) anchors_[anchor] = &value;
        return &value;
    }

    void place(const Value* value) {
        if (open_.empty()) {
            root_ = value;
            return;
        }
        Open& parent = open_.back();
        if (parent.value->kind == Value::Kind::list) {
            parent.value->items.push_back(value);
        } else if (parent.key == nullptr) {
            parent.key = value;
        } else {
            parent.value->entries.push_back({parent.key, value});
            parent.key = nullptr;
        }
    }

    void open(Value::Kind kind, const YAML::Mark& mark, const std::string& tag,
              YAML::anchor_t anchor) {
        check_tag(mark, tag);
        if (open_.size() >= kMaxDepth) {
            throw Refused{place_of(mark),
                          "nested deeper than " + std::to_string(kMaxDepth) + " levels"};
        }
        Value* value = make(kind, mark, anchor);
        place(value);
        open_.push_back({value});
    }

    void close() { open_.pop_back(); }

    std::deque<Value>& values_;
    std::map<YAML::anchor_t, const Value*> anchors_;
    std::vector<Open> open_;
    const Value* root_ = nullptr;
    YAML::Mark last_quoted_ = YAML::Mark::null_mark();
    std::size_t aliases_ = 0;
    bool started_ = false;
};

/// The parser keeps every open bracket of a line before it reports the first one, so that a long
/// run of them has to be stopped before it sees the text. Returns where, or line 0. A bracket in a
/// comment or in quotes counts too: nobody opens this many of them there and closes none.
Mark too_many_open_brackets(std::string_view text) {
    constexpr int kMost = 1'000;
    int depth = 0;
    Mark mark{1, 0};
    for (const char c : text) {
        ++mark.column;
        if (c == '[' || c == '{') {
            if (++depth > kMost) return mark;
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        } else if (c == '\n') {
            mark = {mark.line + 1, 0};
        }
    }
    return {};
}

/// Whether the quotes that open at `begin` never close. The parser lets the end of the file close
/// them, so that a file that was cut short would pass.
bool ends_within_quotes(std::string_view text, const YAML::Mark& begin) {
    if (begin.is_null()) return false;
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    // An anchor may stand in front; a block ('|', '>') has no quotes.
    const std::size_t open = text.find_first_of("\"'|>", static_cast<std::size_t>(begin.pos));
    if (open == std::string_view::npos || text[open] == '|' || text[open] == '>') return false;
    const char quote = text[open];
    for (std::size_t i = open + 1; i < text.size(); ++i) {
        if (quote == '"' && text[i] == '\\') {
            ++i;
        } else if (text[i] == quote) {
            if (quote == '"' || i + 1 == text.size() || text[i + 1] != quote) return false;
            ++i;
        }
    }
    return true;
}

}  // namespace

Document parse_document(std::string_view text, Report& report) {
    Document document;
    if (text.size() > kMaxFileBytes) {
        report.add({}, "the file has more than 4 MiB");
        return document;
    }
    if (text.find('\0') != std::string_view::npos) {
        report.add({}, "the file holds a zero byte; expected YAML in UTF-8");
        return document;
    }
    if (const Mark mark = too_many_open_brackets(text); mark.line != 0) {
        report.add(mark, "nested deeper than " + std::to_string(kMaxDepth) + " levels");
        return document;
    }
    TreeBuilder builder(document.values_);
    try {
        ViewBuffer buffer(text);
        std::istream stream(&buffer);
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const Refused& refused) {
        report.add(refused.mark, refused.message);
        return document;
    } catch (const YAML::Exception& error) {
        report.add(place_of(error.mark), "YAML syntax: " + printable(error.msg));
        return document;
    }
    if (builder.root() == nullptr || builder.root()->kind == Value::Kind::null) {
        report.add({}, "the file is empty; expected at least 'listeners' and 'services'");
        return document;
    }
    if (ends_within_quotes(text, builder.last_quoted())) {
        report.add(place_of(builder.last_quoted()), "YAML syntax: the quotes are never closed");
        return document;
    }
    document.root_ = builder.root();
    return document;
}

}  // namespace switchyard::config
