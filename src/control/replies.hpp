#pragma once

#include "control/http_message.hpp"
#include "control/refusal.hpp"

#include <memory>
#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

/// The shapes that every answer of the admin API has.
namespace switchyard::control {

inline HttpReply object_reply(const boost::json::object& object) {
    HttpReply reply;
    reply.body = boost::json::serialize(object) + "\n";
    return reply;
}

inline HttpReply refusal_reply(const Refusal& refusal) {
    HttpReply reply = object_reply(refusal.to_json());
    reply.status = refusal.status;
    return reply;
}

inline HttpReply stream_reply(std::unique_ptr<LineSource> stream) {
    HttpReply reply;
    reply.content_type = "application/x-ndjson";
    reply.stream = std::move(stream);
    return reply;
}

}  // namespace switchyard::control
