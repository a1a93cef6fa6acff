#include "relay/grpc.hpp"

#include <gtest/gtest.h>

namespace switchyard::relay {
namespace {

bool grpc(std::string_view type) {
    http::RequestHead head;
    head.fields.push_back({http::FieldId::content_type, "content-type", type});
    return is_grpc(head);
}

TEST(Grpc, IsToldByItsContentType) {
    for (const char* type : {"application/grpc", "application/grpc+proto", "Application/GRPC",
                             "application/grpc;charset=utf-8", "application/grpc+json"})
        EXPECT_TRUE(grpc(type)) << type;
    for (const char* type : {"", "application/grp", "application/grpc-web",
                             "application/grpc-web+proto", "application/grpcx", "text/html"})
        EXPECT_FALSE(grpc(type)) << type;
    EXPECT_FALSE(is_grpc({}));
}

TEST(Grpc, StatusCodesAreMappedAsItsDocumentSays) {
    EXPECT_EQ(grpc_status(400), "13");
    EXPECT_EQ(grpc_status(401), "16");
    EXPECT_EQ(grpc_status(403), "7");
    EXPECT_EQ(grpc_status(404), "12");
    for (const unsigned status : {429U, 502U, 503U, 504U})
        EXPECT_EQ(grpc_status(status), "14");
    EXPECT_EQ(grpc_status(500), "2");
    EXPECT_EQ(grpc_status(418), "2");
}

TEST(Grpc, CodesOfResetsAreMappedAsItsDocumentSays) {
    // NO_ERROR to SETTINGS_TIMEOUT, FRAME_SIZE_ERROR, COMPRESSION_ERROR, CONNECT_ERROR, unknown.
    for (const std::uint32_t code : {0U, 1U, 2U, 3U, 4U, 6U, 9U, 10U, 99U})
        EXPECT_EQ(grpc_status_of_reset(code), "13") << code;
    EXPECT_EQ(grpc_status_of_reset(7), "14");
    EXPECT_EQ(grpc_status_of_reset(8), "1");
    EXPECT_EQ(grpc_status_of_reset(11), "8");
    EXPECT_EQ(grpc_status_of_reset(12), "7");
}

TEST(Grpc, MessagesArePercentEncoded) {
    std::string out;
    append_grpc_message(out, "a b%c\n\xc3\xa4~");
    EXPECT_EQ(out, "a b%25c%0A%C3%A4~");
}

}  // namespace
}  // namespace switchyard::relay
