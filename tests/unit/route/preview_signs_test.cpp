#include "route/preview_signs.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace switchyard::route {
namespace {

using Kind = PreviewSign::Kind;

const std::vector<std::string> kHeaders = {"x-switchyard-preview", "x-slot"};
const std::vector<std::string> kCookies = {"switchyard_preview", "slot"};
const PreviewNames kNames{kHeaders, kCookies};

http::Field cookie(std::string_view value) {
    return {http::FieldId::cookie, "Cookie", value};
}
http::Field field(std::string_view name, std::string_view value) {
    return {http::FieldId::unknown, name, value};
}

http::RequestHead request(std::string_view target, http::Fields fields = {}) {
    http::RequestHead head;
    head.origin_target = target;
    head.fields = std::move(fields);
    return head;
}

std::string cleaned(std::string_view target) {
    std::string scratch;
    return std::string(without_preview_parameter(target, scratch));
}

/// Cookie fields that are left, with '|' between them.
std::string left_of(const std::vector<std::string>& cookies) {
    http::Fields fields;
    for (const std::string& value : cookies)
        fields.push_back(cookie(value));
    std::string scratch;
    remove_signs(fields, kNames, scratch);
    std::string out;
    for (const http::Field& entry : fields)
        out.append(out.empty() ? "" : "|").append(entry.value);
    return out;
}

std::string location(std::string_view target) {
    std::string out;
    append_local_location(out, target);
    return out;
}

TEST(PreviewSigns, AreFoundEverywhereLinksFirst) {
    const auto head =
        request("/a?x=1&switchyard_preview=L&y",
                {field("X-SLOT", "H"), cookie("a=b; slot=C"), field("X-Switchyard-Preview", "H2")});
    const PreviewSigns signs = find_signs(head, kNames);
    EXPECT_TRUE(signs.any);
    ASSERT_EQ(signs.count, 4u);
    EXPECT_EQ(signs.found[0].kind, Kind::link);
    EXPECT_EQ(signs.found[0].value, "L");
    EXPECT_EQ(signs.found[1].kind, Kind::header);
    EXPECT_EQ(signs.found[1].value, "H");
    EXPECT_EQ(signs.found[2].kind, Kind::cookie);
    EXPECT_EQ(signs.found[2].name, "slot");
    EXPECT_EQ(signs.found[2].value, "C");
    EXPECT_EQ(signs.found[3].value, "H2");
}

TEST(PreviewSigns, OrdinaryRequestsHaveNone) {
    const auto head = request(
        "/switchyard_preview=1/switchyard_preview?preview=1&xswitchyard_preview=2"
        "&a=switchyard_preview=3",
        {cookie("Slot=1; xslot=2; a=slot=3; \"slot\"=4"), field("X-Slots", "5"),
         field("Slot", "6")});
    const PreviewSigns signs = find_signs(head, kNames);
    EXPECT_FALSE(signs.any);
    EXPECT_EQ(signs.count, 0u);
}

TEST(PreviewSigns, UnderscoresCountAsDashes) {
    EXPECT_TRUE(is_preview_header("X_Switchyard_Preview", kHeaders));
    EXPECT_TRUE(is_preview_header("x-switchyard-PREVIEW", kHeaders));
    EXPECT_FALSE(is_preview_header("x-switchyard-previe", kHeaders));
    EXPECT_EQ(folded_field_name("X_Switchyard-Preview"), "x-switchyard-preview");
}

TEST(PreviewSigns, QuotedAndEmptyCookiesAreRead) {
    const auto head = request("/", {cookie("slot=\"V\";slot=; slot ;slot = W ")});
    const PreviewSigns signs = find_signs(head, kNames);
    ASSERT_EQ(signs.count, 4u);
    EXPECT_EQ(signs.found[0].value, "V");
    EXPECT_EQ(signs.found[1].value, "");
    EXPECT_EQ(signs.found[2].value, "");
    EXPECT_EQ(signs.found[3].value, "W");
}

TEST(PreviewSigns, ManyOfThemAreBounded) {
    std::string many;
    for (int i = 0; i < 1000; ++i)
        many += "slot=x; ";
    const PreviewSigns signs = find_signs(request("/", {cookie(many)}), kNames);
    EXPECT_EQ(signs.count, PreviewSigns::kMost);
    EXPECT_EQ(left_of({many + "a=b"}), "a=b");
}

TEST(PreviewSigns, TheParameterGoesAndTheRestStaysByteForByte) {
    EXPECT_EQ(cleaned("/"), "/");
    EXPECT_EQ(cleaned("/?"), "/?");
    EXPECT_EQ(cleaned("/?switchyard_preview=x"), "/");
    EXPECT_EQ(cleaned("/?switchyard_preview"), "/");
    EXPECT_EQ(cleaned("/a?b=%20+c&switchyard_preview=x"), "/a?b=%20+c");
    EXPECT_EQ(cleaned("/a?switchyard_preview=x&b=1&&c="), "/a?b=1&&c=");
    EXPECT_EQ(cleaned("/a?b&switchyard_preview=x&c=?&switchyard_preview=y&d"), "/a?b&c=?&d");
    EXPECT_EQ(cleaned("/a?switchyard_preview=x&b?"), "/a?b?") << "a mark of its own";
    EXPECT_EQ(cleaned("/a?b&switchyard_preview=x&switchyard_preview?"), "/a?b&switchyard_preview?");
    EXPECT_EQ(cleaned("/a?b&switchyard_preview=x&"), "/a?b&");
    EXPECT_EQ(cleaned("/a?switchyard_preview=x&"), "/a");
    EXPECT_EQ(cleaned("/switchyard_preview=x?a=switchyard_preview"),
              "/switchyard_preview=x?a=switchyard_preview");
    EXPECT_EQ(cleaned("http://h/?switchyard_preview=x&a"), "http://h/?a");
}

TEST(PreviewSigns, OtherCookiesStayAsTheyAre) {
    EXPECT_EQ(left_of({"a=1; slot=x; b=2"}), "a=1; b=2");
    EXPECT_EQ(left_of({"slot=x; a=1"}), "a=1");
    EXPECT_EQ(left_of({"a=1;slot=x"}), "a=1");
    EXPECT_EQ(left_of({"a=\"1 \";  b=;c;slot=x;  slot=y; d==;"}), "a=\"1 \";  b=;c; d==");
    EXPECT_EQ(left_of({"a=1;; ;b=2;"}), "a=1;; ;b=2;") << "without any of ours, not touched";
    EXPECT_EQ(left_of({"slot=x"}), "");
    EXPECT_EQ(left_of({"slot=x; switchyard_preview=y"}), "");
    EXPECT_EQ(left_of({"a=1; slot=x", "slot=y", "b=2", "slot=z; c=3"}), "a=1|b=2|c=3");
}

TEST(PreviewSigns, HeadersGoAndOtherFieldsKeepTheirOrder) {
    http::Fields fields = {field("A", "1"),
                           field("x_slot", "t"),
                           cookie("k=v"),
                           field("B", "2"),
                           field("X-Switchyard-Preview", "t"),
                           field("C", "3")};
    std::string scratch;
    remove_signs(fields, kNames, scratch);
    std::string names;
    for (const http::Field& entry : fields)
        names.append(entry.name).append("=").append(entry.value).append(" ");
    EXPECT_EQ(names, "A=1 Cookie=k=v B=2 C=3 ");
}

TEST(PreviewSigns, ALocationNeverNamesAnotherHost) {
    EXPECT_EQ(location("/"), "/");
    EXPECT_EQ(location("/a//b?c=//d"), "/a//b?c=//d");
    EXPECT_EQ(location("//evil.example/a"), "/.//evil.example/a");
    EXPECT_EQ(location("/\\evil.example/a"), "/./\\evil.example/a");
}

}  // namespace
}  // namespace switchyard::route
