#include "support/admin_client.hpp"

#include <boost/json.hpp>

namespace switchyard::test {
namespace {

AdminAnswer request(const std::string& socket, std::string_view method, std::string_view path,
                    std::string_view body, Deadline deadline) {
    Client client("unix:" + socket, deadline);
    AdminAnswer answer;
    answer.response = exchange(client, method, path, {{"Host", "switchyard"}}, body, deadline);
    answer.status = answer.response.status;
    std::string_view rest = answer.response.body;
    const auto type = answer.response.field("Content-Type").value_or("");
    if (!type.starts_with("application/x-ndjson")) {
        if (!rest.empty()) answer.lines.push_back(boost::json::parse(rest));
        return answer;
    }
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        if (end == rest.npos) throw ProtocolError("the stream ends inside a line");
        answer.lines.push_back(boost::json::parse(rest.substr(0, end)));
        rest.remove_prefix(end + 1);
    }
    return answer;
}

}  // namespace

const boost::json::value& AdminAnswer::json() const {
    if (lines.size() != 1) throw ProtocolError("one object expected: " + response.body);
    return lines.front();
}

const boost::json::value& AdminAnswer::event(std::string_view name) const {
    for (const auto& line : lines) {
        const auto* event = line.as_object().if_contains("event");
        if (event != nullptr && event->as_string() == name) return line;
    }
    throw std::out_of_range("no event " + std::string(name) + " in: " + response.body);
}

std::string AdminAnswer::error_code() const {
    if (status < 400 || lines.empty()) return {};
    return std::string(lines.front().at("error").at("code").as_string());
}

AdminStream::AdminStream(const std::string& socket, std::string_view method, std::string_view path,
                         std::string_view body, Deadline deadline)
    : client_("unix:" + socket, deadline) {
    Fields fields;
    if (!body.empty()) fields.emplace_back("Content-Length", std::to_string(body.size()));
    client_.send(request_text(method, path, fields, "switchyard") + std::string(body), deadline);
    head_ = read_head(client_, deadline);
    if (head_.status != 200 || head_.field("Transfer-Encoding") != "chunked") {
        throw ProtocolError("no stream: status " + std::to_string(head_.status));
    }
}

std::optional<boost::json::value> AdminStream::next(Deadline deadline) {
    for (;;) {
        if (const auto end = unread_.find('\n'); end != std::string::npos) {
            auto line = boost::json::parse(unread_.substr(0, end));
            unread_.erase(0, end + 1);
            return line;
        }
        auto input = client_.buffered();
        const auto offered = input.size();
        const auto state =
            decoder_.feed(input, [this](std::string_view piece) { unread_ += piece; });
        client_.consume(offered - input.size());
        if (state == ChunkedDecoder::State::bad) throw ProtocolError("bad chunk in a stream");
        if (unread_.find('\n') != std::string::npos) continue;
        if (state == ChunkedDecoder::State::done) return std::nullopt;
        if (!client_.read_more(deadline)) {
            throw ClientError(ClientError::Kind::closed, "the stream broke off");
        }
    }
}

boost::json::value AdminStream::next_event(std::string_view name, Deadline deadline) {
    while (auto line = next(deadline)) {
        if (line->at("event").as_string() == name) return *line;
    }
    throw ProtocolError("the stream ended without " + std::string(name));
}

AdminAnswer AdminClient::get(std::string_view path, Deadline deadline) const {
    return request(socket_, "GET", path, {}, deadline);
}

AdminAnswer AdminClient::post(std::string_view path, std::string_view body,
                              Deadline deadline) const {
    return request(socket_, "POST", path, body, deadline);
}

AdminAnswer AdminClient::switch_to(std::string_view service, std::string_view colour,
                                   std::string_view more) const {
    auto body = R"({"wait":false,"to":")" + std::string(colour) + '"';
    if (!more.empty()) body.append(",").append(more);
    return post("/v1/services/" + std::string(service) + "/switch", body + "}");
}

boost::json::value AdminClient::service(std::string_view name) const {
    return get("/v1/services/" + std::string(name)).json();
}

boost::json::value AdminClient::service_at_rest(std::string_view name, Deadline deadline) const {
    boost::json::value found;
    const auto at_rest = [&] {
        found = service(name);
        return found.at("books").at("in_flight").to_number<std::int64_t>() == 0;
    };
    static_cast<void>(eventually(at_rest, deadline));
    return found;
}

}  // namespace switchyard::test
