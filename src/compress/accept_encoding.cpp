#include "compress/accept_encoding.hpp"

#include "compress/trimmed.hpp"
#include "http/validate.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace switchyard::compress {

using Algorithm = config::Compression::Algorithm;

namespace {

constexpr int kUnsaid = -1;
constexpr int kMalformed = -2;

/// What a client says of the codings, in thousandths.
struct Weights {
    std::array<int, 2> of = {kUnsaid, kUnsaid};  ///< By Algorithm.
    int identity = kUnsaid;
    int others = kUnsaid;  ///< "*"
};

/// RFC 9110 §12.4.2: "0", "0.5", "1.000"; in thousandths.
int parse_qvalue(std::string_view text) noexcept {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return kMalformed;
    int value = (text[0] - '0') * 1000;
    if (text.size() == 1) return value;
    if (text[1] != '.') return kMalformed;
    int place = 100;
    for (const char c : text.substr(2)) {
        if (c < '0' || c > '9') return kMalformed;
        value += (c - '0') * place;
        place /= 10;
    }
    return value <= 1000 ? value : kMalformed;
}

/// Of what stands behind a coding's name: ";q=0.5", or nothing.
int parse_weight(std::string_view text) noexcept {
    text = trimmed(text);
    if (text.empty()) return 1000;
    if (text[0] != ';') return kMalformed;
    text = trimmed(text.substr(1));
    if (text.size() < 2 || (text[0] != 'q' && text[0] != 'Q') || text[1] != '=') return kMalformed;
    return parse_qvalue(text.substr(2));
}

void read_element(std::string_view element, Weights& weights) noexcept {
    element = trimmed(element);
    const std::size_t end = std::min(element.find_first_of("; \t"), element.size());
    const std::string_view name = element.substr(0, end);
    const int weight = parse_weight(element.substr(end));
    if (weight == kMalformed) return;
    if (name == "*") {
        weights.others = weight;
    } else if (http::iequals(name, "identity")) {
        weights.identity = weight;
    } else if (http::iequals(name, "gzip") || http::iequals(name, "x-gzip")) {
        weights.of[static_cast<std::size_t>(Algorithm::gzip)] = weight;
    } else if (http::iequals(name, "br")) {
        weights.of[static_cast<std::size_t>(Algorithm::brotli)] = weight;
    }
}

}  // namespace

std::optional<Algorithm> choose_coding(const http::Fields& request,
                                       std::span<const Algorithm> preferred) noexcept {
    Weights weights;
    for (const http::Field& field : request) {
        if (field.id != http::FieldId::accept_encoding) continue;
        std::string_view list = field.value;
        while (!list.empty()) {
            const std::size_t end = std::min(list.find(','), list.size());
            read_element(list.substr(0, end), weights);
            list.remove_prefix(std::min(end + 1, list.size()));
        }
    }
    std::optional<Algorithm> best;
    int most = std::max(weights.identity, 0);
    for (const Algorithm algorithm : preferred) {
        int weight = weights.of[static_cast<std::size_t>(algorithm)];
        if (weight == kUnsaid) weight = weights.others;
        if (weight <= 0 || weight < most || (best && weight == most)) continue;
        best = algorithm;
        most = weight;
    }
    return best;
}

}  // namespace switchyard::compress
