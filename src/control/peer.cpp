#include "control/peer.hpp"

#include <pwd.h>
#include <unistd.h>
#include <vector>

namespace switchyard::control {

std::string user_name(std::uint32_t uid) {
    std::vector<char> buffer(4096);
    passwd entry{};
    passwd* found = nullptr;
    while (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == ERANGE &&
           buffer.size() < (1U << 20)) {
        buffer.resize(buffer.size() * 2);
    }
    return found != nullptr ? found->pw_name : std::string();
}

Caller daemon_caller(std::string user) {
    const std::uint32_t uid = ::getuid();
    if (user.empty()) user = user_name(uid);
    return {uid, std::move(user)};
}

}  // namespace switchyard::control
