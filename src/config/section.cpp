#include "config/section.hpp"

#include "base/utf8.hpp"
#include "config/suggest.hpp"

#include <algorithm>
#include <filesystem>
#include <unordered_map>

namespace switchyard::config {
namespace {

std::string_view kind_name(const Value& value) {
    switch (value.kind) {
        case Value::Kind::null:
            return "nothing";
        case Value::Kind::scalar:
            return "text";
        case Value::Kind::list:
            return "a list";
        case Value::Kind::map:
            return "a map";
    }
    return "";
}

std::string join(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
}

}  // namespace

std::string Reader::resolve(const std::string& path) const {
    return (std::filesystem::path(folder) / path).lexically_normal().string();
}

Section::Section(Reader& reader, const Value& value, std::string path, std::string log_path)
    : reader_(reader), path_(std::move(path)), log_path_(std::move(log_path)), mark_(value.mark) {
    std::set<const Value*> seen;
    collect(value, seen);
}

void Section::collect(const Value& map, std::set<const Value*>& seen) {
    if (!seen.insert(&map).second) return;
    std::unordered_map<std::string_view, int> lines;  // of the keys of this very map
    std::unordered_map<std::string_view, bool> taken;
    for (const Field& field : fields_)
        taken.emplace(*field.key, true);
    std::vector<const Value*> merged;
    for (const auto& [key, value] : map.entries) {
        if (key->kind != Value::Kind::scalar) {
            reader_.report.add(key->mark,
                               "a key must be text, not " + std::string(kind_name(*key)));
            continue;
        }
        if (key->text == "<<" && !key->quoted) {
            merged.push_back(value);
            continue;
        }
        const auto [first, fresh] = lines.emplace(key->text, key->mark.line);
        if (!fresh) {
            reader_.report.add(key->mark, "duplicate key " + in_quotes(key->text) +
                                              ", first given in line " +
                                              std::to_string(first->second));
            continue;
        }
        if (!taken.contains(key->text)) fields_.push_back({&key->text, key->mark, value});
    }
    for (const Value* value : merged) {
        if (value->kind == Value::Kind::map) {
            collect(*value, seen);
            continue;
        }
        bool maps_only = value->kind == Value::Kind::list;
        for (const Value* item : value->items) {
            if (item->kind == Value::Kind::map) {
                collect(*item, seen);
            } else {
                maps_only = false;
            }
        }
        if (!maps_only) {
            reader_.report.add(value->mark, "'<<' merges a map or a list of maps, not " +
                                                std::string(kind_name(*value)));
        }
    }
}

Section::Field* Section::find(std::string_view key) {
    const auto found = std::find_if(fields_.begin(), fields_.end(),
                                    [&](const Field& field) { return *field.key == key; });
    return found == fields_.end() ? nullptr : &*found;
}

const Section::Field* Section::find(std::string_view key) const {
    return const_cast<Section*>(this)->find(key);
}

Section::Field* Section::ask(std::string_view key) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
    if (reader_.log != nullptr) reader_.log->known.insert(log_path(key));
    Field* field = find(key);
    if (field == nullptr) return nullptr;
    field->known = true;
    if (reader_.log != nullptr) reader_.log->used.insert(log_path(key));
    return field;
}

const Value* Section::scalar(std::string_view key) {
    const Field* field = ask(key);
    if (field == nullptr) return nullptr;
    return is_scalar(*field->value, key) ? field->value : nullptr;
}

std::string Section::log_path(std::string_view key) const {
    return join(log_path_, key);
}

Mark Section::mark(std::string_view key) const {
    const Field* field = find(key);
    return field == nullptr ? mark_ : field->value->mark;
}

bool Section::has(std::string_view key) const {
    const Field* field = find(key);
    return field != nullptr && field->value->kind != Value::Kind::null;
}

void Section::file(std::string_view key, std::string& out) {
    read(key, out, [this](std::string_view text) -> Parsed<std::string> {
        if (text.empty()) return refusal("expected the path of a file, not an empty text");
        // Such a path is printed in many places, and goes into JSON.
        if (!is_plain_text(text)) {
            return refusal("the path of a file must be UTF-8 without control characters");
        }
        return reader_.resolve(std::string(text));
    });
}

void Section::section(std::string_view key, const std::function<void(Section&)>& read) {
    if (const Field* field = ask(key)) {
        section_of(*field->value, std::string(key), std::string(key), read);
    }
}

void Section::section_of(const Value& value, const std::string& key, const std::string& log_key,
                         const std::function<void(Section&)>& read) {
    if (value.kind != Value::Kind::map && value.kind != Value::Kind::null) {
        problem(value.mark, key,
                "expected a map of keys and values, not " + std::string(kind_name(value)));
        return;
    }
    Section inner(reader_, value, join(path_, key), join(log_path_, log_key));
    read(inner);
    inner.finish();
}

bool Section::list(std::string_view key, const std::function<void(const Value&)>& read) {
    const Field* field = ask(key);
    if (field == nullptr || field->value->kind == Value::Kind::null) return false;
    const Value& value = *field->value;
    if (value.kind != Value::Kind::list) {
        const bool scalar = value.kind == Value::Kind::scalar;
        problem(value.mark, key,
                "expected a list, not " + std::string(kind_name(value)) +
                    (scalar ? "; write [\"" + printable(value.text) + "\"]" : ""));
        return true;
    }
    for (const Value* item : value.items)
        read(*item);
    return !value.items.empty();
}

bool Section::sections(std::string_view key, const std::function<void(Section&)>& read) {
    const std::string name = std::string(key) + "[]";
    return list(key, [&](const Value& item) { section_of(item, name, name, read); });
}

bool Section::entries(std::string_view key,
                      const std::function<void(const std::string&, Mark, const Value&)>& read) {
    bool empty = !has(key);
    section(key, [&](Section& inner) {
        empty = inner.fields_.empty();
        // Nothing is unknown where the user chooses the keys.
        for (Field& field : inner.fields_) {
            field.known = true;
            read(*field.key, field.key_mark, *field.value);
        }
    });
    return !empty;
}

const Value* Section::value(std::string_view key) {
    const Field* field = ask(key);
    if (field == nullptr || field->value->kind == Value::Kind::null) return nullptr;
    return field->value;
}

bool Section::is_scalar(const Value& value, std::string_view key) {
    if (value.kind == Value::Kind::scalar) return true;
    if (value.kind == Value::Kind::null) {
        problem(value.mark, key, "has no value");
    } else {
        problem(value.mark, key,
                "expected a single value, not " + std::string(kind_name(value)) +
                    (value.kind == Value::Kind::list ? "; a text that begins with [ needs quotes"
                                                     : ""));
    }
    return false;
}

void Section::problem(Mark mark, std::string_view key, const std::string& message) {
    reader_.report.add(mark, in_quotes(key) + ": " + message);
}

void Section::missing(std::string_view key, std::string_view expected) {
    std::string message = "missing key " + in_quotes(key);
    if (!path_.empty()) message += " in " + in_quotes(path_);
    reader_.report.add(mark_, message + ": " + std::string(expected));
}

void Section::finish() {
    for (const Field& field : fields_) {
        if (field.known) continue;
        const std::string& key = *field.key;
        std::string message = "unknown key " + in_quotes(key);
        if (!path_.empty()) message += " in " + in_quotes(path_);
        if (const auto near = nearest(key, known_); !near.empty()) {
            message += "; did you mean " + in_quotes(near) + "?";
        } else {
            message += "; expected one of";
            for (std::size_t i = 0; i < known_.size(); ++i) {
                message += (i == 0 ? " " : ", ") + std::string(known_[i]);
            }
        }
        reader_.report.add(field.key_mark, std::move(message));
    }
}

}  // namespace switchyard::config
