#include "deploy/channel.hpp"

#include "deploy/line_splitter.hpp"

#include <new>

namespace switchyard::deploy {
namespace {

constexpr std::size_t kMaxName = 40;

}  // namespace

Channel::Channel(Link& link) : link_(link), channel_(::ssh_channel_new(link.session())) {
    if (channel_ == nullptr) throw std::bad_alloc();
    callbacks_.userdata = this;
    // An exit signal is told nowhere else.
    callbacks_.channel_exit_status_function = &Channel::on_status;
    callbacks_.channel_exit_signal_function = &Channel::on_signal;
    ssh_callbacks_init(&callbacks_);
    ::ssh_set_channel_callbacks(channel_, &callbacks_);
}

Channel::~Channel() {
    // libssh may keep the channel until the host has closed it too.
    ::ssh_remove_channel_callbacks(channel_, &callbacks_);
    ::ssh_channel_free(channel_);
}

std::optional<Fault> Channel::start(const std::string& line, TimePoint deadline) {
    for (;;) {
        const int result = ::ssh_channel_open_session(channel_);
        if (result == SSH_OK) break;
        if (result != SSH_AGAIN) {
            return Fault{Outcome::Kind::lost, "the host opens no channel: " + link_.error()};
        }
        if (auto fault = link_.pause(deadline)) return fault;
    }
    for (;;) {
        requested_ = true;
        const int result = ::ssh_channel_request_exec(channel_, line.c_str());
        if (result == SSH_OK) return std::nullopt;
        if (result != SSH_AGAIN) {
            // A refusal is an answer: then nothing runs.
            requested_ = !link_.connected();
            return Fault{Outcome::Kind::lost, "the host runs no command: " + link_.error()};
        }
        if (auto fault = link_.pause(deadline)) return fault;
    }
}

std::string_view Channel::read_some(bool from_stderr) {
    const int n =
        ::ssh_channel_read_nonblocking(channel_, buffer_, sizeof buffer_, from_stderr ? 1 : 0);
    if (n <= 0) return {};
    return {buffer_, static_cast<std::size_t>(n)};
}

bool Channel::at_end() const {
    if (::ssh_channel_is_closed(channel_) != 0) return true;
    return has_result() && ::ssh_channel_is_eof(channel_) != 0;
}

void Channel::on_status(ssh_session, ssh_channel, int status, void* self) {
    // -1: the host could not say.
    if (status >= 0) static_cast<Channel*>(self)->status_ = status;
}

void Channel::on_signal(ssh_session, ssh_channel, const char* name, int, const char*, const char*,
                        void* self) {
    static_cast<Channel*>(self)->signal_ = harmless(name == nullptr ? "" : name, kMaxName);
}

}  // namespace switchyard::deploy
