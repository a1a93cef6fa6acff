#pragma once

#include "base/buffer.hpp"
#include "h1/message_body.hpp"
#include "h1/message_writer.hpp"
#include "h1/parser.hpp"
#include "session/server_options.hpp"

#include <memory>
#include <string>
#include <vector>

namespace switchyard::h1 {

/// Everything one request needs while it is under way. Idle connections hold none.
struct RequestContext {
    std::shared_ptr<const session::ServerOptions> options;
    RequestParser parser;
    http::RequestHead head;
    Buffer input;       ///< The head, and what was read with it.
    Buffer body_input;  ///< Further reads of the body.
    MessageBody body;
    MessageWriter writer;
    std::string output;  ///< The response head as sent.
};

/// A worker's contexts: a few are kept ready, with their memory. Outlives its sessions.
class ContextStore {
  public:
    [[nodiscard]] std::unique_ptr<RequestContext> acquire() {
        if (spare_.empty()) return std::make_unique<RequestContext>();
        std::unique_ptr<RequestContext> context = std::move(spare_.back());
        spare_.pop_back();
        return context;
    }
    void release(std::unique_ptr<RequestContext> context) {
        context->input.release();
        context->body_input.release();
        context->options.reset();
        if (spare_.size() < kSpare) spare_.push_back(std::move(context));
    }
    void clear() { spare_.clear(); }

  private:
    static constexpr std::size_t kSpare = 512;
    std::vector<std::unique_ptr<RequestContext>> spare_;
};

}  // namespace switchyard::h1
