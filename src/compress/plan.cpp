#include "compress/plan.hpp"

#include "compress/accept_encoding.hpp"
#include "compress/trimmed.hpp"
#include "http/validate.hpp"

#include <algorithm>
#include <array>

namespace switchyard::compress {

namespace {

using http::Field;
using http::FieldId;
using http::Fields;

/// RFC 9530; RFC 3230 and 2616 before it; RFC 9421, which signs them.
constexpr std::array<std::string_view, 6> kDigests = {
    "Content-Digest", "Repr-Digest", "Digest", "Content-MD5", "Signature", "Signature-Input"};

/// Calls `take` with each member of a comma-separated list until it returns true; whether it did.
template <class Take>
bool any_member(std::string_view list, Take take) noexcept {
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(','), list.size());
        if (take(trimmed(list.substr(0, end)))) return true;
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return false;
}

bool has_member(std::string_view list, std::string_view member) noexcept {
    return any_member(list, [member](std::string_view one) { return http::iequals(one, member); });
}

bool no_transform(const Fields& fields) noexcept {
    return std::any_of(fields.begin(), fields.end(), [](const Field& field) {
        return field.id == FieldId::cache_control && has_member(field.value, "no-transform");
    });
}

bool is_listed(std::string_view content_type, const std::vector<std::string>& types) noexcept {
    const std::string_view type = trimmed(content_type.substr(0, content_type.find(';')));
    const std::size_t slash = type.find('/');
    if (slash == std::string_view::npos) return false;
    // Who wants event streams compressed says so: buffering on the way to the eye is their bane.
    const bool events = http::iequals(type, "text/event-stream");
    return std::any_of(types.begin(), types.end(), [&](const std::string& listed) {
        if (listed.ends_with("/*") && !events) {
            const std::string_view kind = std::string_view(listed).substr(0, listed.size() - 2);
            return http::iequals(type.substr(0, slash), kind);
        }
        return http::iequals(type, listed);
    });
}

/// Whether the fields let the body be another one.
bool may_change(const http::ResponseHead& response) noexcept {
    for (const Field& field : response.fields) {
        switch (field.id) {
            case FieldId::content_encoding:
                if (!http::iequals(field.value, "identity") && !field.value.empty()) return false;
                break;
            case FieldId::content_range:
                return false;
            case FieldId::trailer:
                if (any_member(field.value, is_digest)) return false;
                break;
            default:
                if (is_digest(field.name)) return false;
        }
    }
    return !no_transform(response.fields);
}

bool has_compressible_status(unsigned status) noexcept {
    return status >= 200 && status != 204 && status != 205 && status != 206 && status != 304;
}

Field* find(Fields& fields, FieldId id) noexcept {
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [id](const Field& field) { return field.id == id; });
    return found == fields.end() ? nullptr : &*found;
}

void remove(Fields& fields, FieldId id) {
    fields.erase(std::remove_if(fields.begin(), fields.end(),
                                [id](const Field& field) { return field.id == id; }),
                 fields.end());
}

void weaken(Field& etag, HeadScratch& scratch) {
    if (!etag.value.starts_with('"')) return;
    scratch.etag = "W/";
    scratch.etag += etag.value;
    etag.value = scratch.etag;
}

}  // namespace

bool is_digest(std::string_view name) noexcept {
    return std::any_of(kDigests.begin(), kDigests.end(),
                       [name](std::string_view digest) { return http::iequals(name, digest); });
}

Plan make_plan(const config::Compression& options, const http::RequestHead& request,
               const http::ResponseHead& response) noexcept {
    const bool head = request.verb == http::Verb::head;
    if (!has_compressible_status(response.status)) return {};
    if (!head && response.framing == http::Framing::none) return {};
    if (response.has_content_length &&
        response.content_length < std::max<std::uint64_t>(options.min_length, 1)) {
        return {};
    }
    const auto type =
        std::find_if(response.fields.begin(), response.fields.end(),
                     [](const Field& field) { return field.id == FieldId::content_type; });
    if (type == response.fields.end() || !is_listed(type->value, options.types)) return {};
    if (!may_change(response)) return {};
    Plan plan;
    plan.varies = true;
    if (!request.value(FieldId::range).empty() || no_transform(request.fields)) return plan;
    plan.coding = choose_coding(request.fields, options.algorithms);
    return plan;
}

void say_that_it_varies(Fields& fields, HeadScratch& scratch) {
    Field* last = nullptr;
    for (Field& field : fields) {
        if (field.id != FieldId::vary) continue;
        if (has_member(field.value, "Accept-Encoding") || has_member(field.value, "*")) return;
        last = &field;
    }
    if (last == nullptr || last->value.empty()) {
        remove(fields, FieldId::vary);
        fields.push_back({FieldId::vary, "Vary", "Accept-Encoding"});
        return;
    }
    scratch.vary = last->value;
    scratch.vary += ", Accept-Encoding";
    last->value = scratch.vary;
}

void say_that_it_is_compressed(Fields& fields, config::Compression::Algorithm coding,
                               HeadScratch& scratch) {
    remove(fields, FieldId::content_encoding);
    remove(fields, FieldId::accept_ranges);
    if (Field* etag = find(fields, FieldId::etag)) weaken(*etag, scratch);
    fields.push_back({FieldId::content_encoding, "Content-Encoding", config::to_string(coding)});
}

void adapt_not_modified(const http::RequestHead& request, Fields& fields, HeadScratch& scratch) {
    Field* const etag = find(fields, FieldId::etag);
    if (etag == nullptr || !etag->value.starts_with('"')) return;
    const std::string_view strong = etag->value;
    const bool ours =
        std::any_of(request.fields.begin(), request.fields.end(), [strong](const Field& field) {
            return field.id == FieldId::if_none_match &&
                   any_member(field.value, [strong](std::string_view tag) {
                       return tag.starts_with("W/") && tag.substr(2) == strong;
                   });
        });
    if (!ours) return;
    weaken(*etag, scratch);
    say_that_it_varies(fields, scratch);
}

}  // namespace switchyard::compress
