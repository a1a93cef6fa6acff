#include "control/user_names.hpp"

#include "control/peer.hpp"

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace switchyard::control {
namespace {

namespace asio = boost::asio;

std::string ask(asio::io_context& context, UserNames& names, std::uint32_t uid) {
    std::string name = "nobody answered";
    asio::co_spawn(context, names.of(uid),
                   [&name](const std::exception_ptr& error, std::string got) {
                       EXPECT_FALSE(error);
                       name = std::move(got);
                   });
    context.restart();
    context.run();
    return name;
}

TEST(UserNames, AreThoseOfTheSystem) {
    asio::io_context context;
    UserNames names(context.get_executor());
    EXPECT_EQ(ask(context, names, 0), "root");
    EXPECT_EQ(ask(context, names, 0), "root");
    EXPECT_EQ(ask(context, names, ::getuid()), user_name(::getuid()));
    EXPECT_EQ(ask(context, names, 3'999'999'999U), "");
    EXPECT_TRUE(names.close());
    EXPECT_TRUE(names.close());
    EXPECT_EQ(ask(context, names, 0), "root") << "known already";
}

TEST(UserNames, EndUnasked) {
    asio::io_context context;
    const UserNames names(context.get_executor());
}

}  // namespace
}  // namespace switchyard::control
