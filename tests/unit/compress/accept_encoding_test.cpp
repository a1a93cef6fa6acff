// What a client takes (RFC 9110 §12.5.3).
#include "compress/accept_encoding.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::compress {
namespace {

using Algorithm = config::Compression::Algorithm;

const std::vector<Algorithm> kBoth = {Algorithm::brotli, Algorithm::gzip};

std::string chosen(std::initializer_list<std::string_view> values,
                   const std::vector<Algorithm>& preferred = kBoth) {
    http::Fields fields = {{http::FieldId::accept, "Accept", "gzip"}};
    for (const std::string_view value : values)
        fields.push_back({http::FieldId::accept_encoding, "Accept-Encoding", value});
    const auto coding = choose_coding(fields, preferred);
    return coding ? config::to_string(*coding) : "none";
}

TEST(AcceptEncoding, OursAreTakenInOurOrder) {
    EXPECT_EQ(chosen({"gzip, deflate, br, zstd"}), "br");
    EXPECT_EQ(chosen({"gzip, deflate, br"}, {Algorithm::gzip, Algorithm::brotli}), "gzip");
    EXPECT_EQ(chosen({"gzip, deflate"}), "gzip");
    EXPECT_EQ(chosen({"gzip, br"}, {Algorithm::gzip}), "gzip");
    EXPECT_EQ(chosen({"br"}, {Algorithm::gzip}), "none");
    EXPECT_EQ(chosen({"deflate"}), "none");
    EXPECT_EQ(chosen({"GZIP"}), "gzip");
    EXPECT_EQ(chosen({"x-gzip"}), "gzip");
    EXPECT_EQ(chosen({"gzipped, brr, xbr"}), "none");
}

TEST(AcceptEncoding, WhoSaysNothingGetsItAsItIs) {
    EXPECT_EQ(chosen({}), "none");
    EXPECT_EQ(chosen({""}), "none");
    EXPECT_EQ(chosen({" , ,"}), "none");
}

TEST(AcceptEncoding, WeightsDecideFirst) {
    EXPECT_EQ(chosen({"gzip;q=1.0, br;q=0.5"}), "gzip");
    EXPECT_EQ(chosen({"gzip;q=0.5, br;q=0.501"}), "br");
    EXPECT_EQ(chosen({"gzip;q=0.5, br;q=0.5"}), "br");
    EXPECT_EQ(chosen({"gzip ; q=0.8 ,\tbr ;\tQ=0.2"}), "gzip");
    EXPECT_EQ(chosen({"br;q=0, gzip;q=0.001"}), "gzip");
    EXPECT_EQ(chosen({"gzip;q=0"}), "none");
    EXPECT_EQ(chosen({"gzip;q=0.000, br;q=0."}), "none");
    EXPECT_EQ(chosen({"br;q=0.1", "gzip;q=0.2"}), "gzip");
}

TEST(AcceptEncoding, AStarStandsForAllThatAreNotNamed) {
    EXPECT_EQ(chosen({"*"}), "br");
    EXPECT_EQ(chosen({"*;q=0"}), "none");
    EXPECT_EQ(chosen({"br;q=0, *"}), "gzip");
    EXPECT_EQ(chosen({"gzip;q=0.3, *;q=0.2"}), "gzip");
    EXPECT_EQ(chosen({"gzip, *;q=0"}), "gzip");
}

TEST(AcceptEncoding, WhoLikesItBetterAsItIsGetsIt) {
    EXPECT_EQ(chosen({"identity, gzip;q=0.5"}), "none");
    EXPECT_EQ(chosen({"identity;q=0.5, gzip;q=0.5"}), "gzip");
    EXPECT_EQ(chosen({"identity;q=0, gzip;q=0.1"}), "gzip");
    EXPECT_EQ(chosen({"identity"}), "none");
}

TEST(AcceptEncoding, WhatIsMalformedCountsForNothing) {
    for (const std::string_view weight : {"q=2", "q=1.001", "q=0.1234", "q=-1", "q=", "q", "0.5",
                                          "q=0,5", "q =1", "q= 1", "x=1", "q=.5", "q=1.0000"}) {
        const std::string value = "br;" + std::string(weight);
        EXPECT_EQ(chosen({value}), "none") << value;
        EXPECT_EQ(chosen({value + ", gzip"}), "gzip") << value;
    }
    EXPECT_EQ(chosen({"br gzip"}), "none");
}

}  // namespace
}  // namespace switchyard::compress
