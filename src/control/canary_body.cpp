#include "control/canary_body.hpp"

#include "control/body.hpp"
#include "observe/canary_counts.hpp"

#include <cmath>
#include <optional>

namespace switchyard::control {

namespace json = boost::json;

namespace {

constexpr std::string_view kPercent = "a number from 0 to 100 with at most two decimals";

/// Hundredths of a percent.
std::optional<std::uint32_t> share_of(const json::value& value) {
    if (!value.is_number()) return std::nullopt;
    const double percent = value.to_number<double>();
    if (!(percent >= 0 && percent <= 100)) return std::nullopt;
    const double share = std::round(percent * 100);
    if (std::abs(percent * 100 - share) > 1e-6) return std::nullopt;
    return static_cast<std::uint32_t>(share);
}

std::optional<Refusal> take(CanaryRequest& request, std::string_view key,
                            const json::value& value) {
    const auto flag = [&](bool& place) -> std::optional<Refusal> {
        if (!value.is_bool()) return wrong_value(key, "true or false");
        place = value.get_bool();
        return std::nullopt;
    };
    if (key == "force") return flag(request.force);
    if (key == "plan") return flag(request.plan);
    if (key == "wait") return flag(request.wait);
    if (key == "percent") {
        const auto share = share_of(value);
        if (!share) return wrong_value(key, kPercent);
        request.share = *share;
        return std::nullopt;
    }
    if (key == "if_epoch") {
        request.if_epoch = whole_number(value);
        if (!request.if_epoch) return wrong_value(key, "a whole number");
        return std::nullopt;
    }
    if (key == "drain_timeout_ms") {
        request.drain_timeout = drain_timeout(value);
        if (!request.drain_timeout) return wrong_drain_timeout(key);
        return std::nullopt;
    }
    return unknown_key(key);
}

}  // namespace

std::variant<CanaryRequest, Refusal> parse_canary(std::string_view body) {
    auto parsed = parse_object(body);
    if (auto* refusal = std::get_if<Refusal>(&parsed)) return std::move(*refusal);
    const json::object& object = std::get<json::object>(parsed);
    CanaryRequest request;
    for (const auto& field : object) {
        auto refusal = take(request, field.key(), field.value());
        if (refusal) return std::move(*refusal);
    }
    // Nobody's clients move because a key was forgotten.
    if (!object.contains("percent")) return wrong_value("percent", kPercent);
    if (request.drain_timeout && request.share != 0) {
        return bad_request("drain_timeout_ms has a meaning only with percent: 0.",
                           "drain_timeout_ms");
    }
    return request;
}

}  // namespace switchyard::control
