#include "relay/websocket_handshake.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace switchyard::relay {
namespace {

TEST(WebSocketHandshake, TheAnswerIsThatOfTheRfc) {
    // RFC 6455 §1.3
    const std::string key = "dGhlIHNhbXBsZSBub25jZQ==";
    EXPECT_TRUE(answers_websocket_key("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", key));
    EXPECT_FALSE(answers_websocket_key("s3pplmbitxaq9kygzzhzrbk+xoo=", key));
    EXPECT_FALSE(answers_websocket_key("s3pPLMBiTxaQ9kYGzzhZRbK+xOo", key));
    EXPECT_FALSE(answers_websocket_key("", key));
    EXPECT_FALSE(answers_websocket_key("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", ""));
    EXPECT_FALSE(answers_websocket_key("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", key + key));
}

TEST(WebSocketHandshake, EveryKeyIsAnother) {
    std::set<std::string> keys;
    for (int i = 0; i < 100; ++i) {
        const std::string key = new_websocket_key();
        EXPECT_EQ(key.size(), 24u);
        EXPECT_TRUE(key.ends_with("==")) << key;
        keys.insert(key);
    }
    EXPECT_EQ(keys.size(), 100u);
}

}  // namespace
}  // namespace switchyard::relay
