#include "config/document.hpp"

#include "config/report.hpp"
#include "support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace switchyard::config {
namespace {

using test::kBase;
using test::problems_of;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Document, KeepsPlaces) {
    Report report("f");
    const Document document = parse_document("# note\na: 1\nb:\n  - \"x\"\n  - {c: d}\n", report);
    ASSERT_TRUE(report.empty());
    const Value& root = *document.root();
    ASSERT_EQ(root.entries.size(), 2u);
    EXPECT_EQ(root.entries[0].key->mark, (Mark{2, 1}));
    EXPECT_EQ(root.entries[0].value->mark, (Mark{2, 4}));
    EXPECT_FALSE(root.entries[0].value->quoted);
    const Value& list = *root.entries[1].value;
    ASSERT_EQ(list.items.size(), 2u);
    EXPECT_EQ(list.items[0]->mark, (Mark{4, 5}));
    EXPECT_TRUE(list.items[0]->quoted);
    EXPECT_EQ(list.items[1]->entries[0].value->mark, (Mark{5, 9}));
}

TEST(Document, SyntaxErrorsHaveTheirPlace) {
    EXPECT_THAT(problems_of("a: [1, 2\n"), ElementsAre(HasSubstr("f:2:1: YAML syntax: ")));
    EXPECT_THAT(problems_of("a: 1\n  b: 2\n"), ElementsAre(HasSubstr("f:2:4: YAML syntax: ")));
    EXPECT_THAT(problems_of("a: \"x\n"),
                ElementsAre("f:1:4: YAML syntax: the quotes are never closed"));
    EXPECT_THAT(problems_of("a: *nowhere\n"), ElementsAre(HasSubstr("f:1:4: YAML syntax: ")));
    EXPECT_THAT(problems_of("a:\n\t- b\n"), ElementsAre(HasSubstr("f:2:")));
}

TEST(Document, QuotesMustClose) {
    const auto unclosed = ElementsAre(HasSubstr("YAML syntax: "));
    for (const char* text : {"a: \"x\n", "a: 'x\n", "a: 'it''s", "a: \"x\\\"", "a: &b \"x\n",
                             "\xef\xbb\xbf\u00fc: \"x\n", "a: 'x'\nb: 'y\n"}) {
        EXPECT_THAT(problems_of(text), unclosed) << text;
    }
    for (const char* text : {"via: \"x\"", "via: 'x'", "via: &b 'x' # it's\n", "via: |-\n  x",
                             "via: \"\\x78\"\n# \"\n", "via: 'x'\n# \u00fc '"}) {
        EXPECT_THAT(problems_of(kBase + text), ElementsAre()) << text;
    }
}

TEST(Document, RefusesWhatIsNoSingleDocument) {
    const std::string empty = "f: the file is empty; expected at least 'listeners' and 'services'";
    for (const char* text : {"", "\n", "# only a comment\n", "---\n", "~\n", "null"}) {
        EXPECT_THAT(problems_of(text), ElementsAre(empty)) << text;
    }
    EXPECT_THAT(problems_of(kBase + "---\n" + kBase),
                ElementsAre("f:3:1: a second document ('---'); expected one document"));
    EXPECT_THAT(problems_of("---\n" + kBase + "...\n"), ElementsAre());
    EXPECT_THAT(problems_of("\xef\xbb\xbf" + kBase), ElementsAre());  // a byte order mark
    EXPECT_THAT(problems_of(kBase + std::string(1, '\0')),
                ElementsAre("f: the file holds a zero byte; expected YAML in UTF-8"));
    EXPECT_THAT(problems_of("just text\n"),
                ElementsAre("f:1:1: expected a map of keys and values, like 'listeners: [...]'"));
    EXPECT_THAT(problems_of("- a\n- b\n"),
                ElementsAre("f:1:1: expected a map of keys and values, like 'listeners: [...]'"));
}

TEST(Document, RefusesWhatIsTooMuch) {
    EXPECT_THAT(problems_of(kBase + "#" + std::string(kMaxFileBytes, 'x')),
                ElementsAre("f: the file has more than 4 MiB"));
    EXPECT_THAT(problems_of(kBase + "#" + std::string(kMaxFileBytes - kBase.size() - 1, 'x')),
                ElementsAre());

    std::string values = "a: [";
    for (std::size_t i = 0; i <= kMaxValues; ++i)
        values += "1,";
    EXPECT_THAT(problems_of(values + "]"), ElementsAre(HasSubstr("more than 100000 values")));

    std::string aliases = "a: &a 1\nb: [";
    for (std::size_t i = 0; i <= kMaxAliases; ++i)
        aliases += "*a ,";
    EXPECT_THAT(problems_of(aliases + "]"), ElementsAre(HasSubstr("more than 1000 aliases")));
}

TEST(Document, DeepNestingEndsBeforeTheStackDoes) {
    const auto repeated = [](std::string_view piece, std::size_t times) {
        std::string text;
        for (std::size_t i = 0; i < times; ++i)
            text += piece;
        return text;
    };
    std::string indented;
    for (std::size_t i = 0; i < 1'000; ++i)
        indented += std::string(i, ' ') + "a:\n";
    const std::string deep[] = {repeated("[", 40),
                                repeated("[", 2'000'000),
                                repeated("{", 2'000'000),
                                repeated("[{", 1'000'000),
                                repeated("- ", 100'000),
                                repeated("? ", 100'000),
                                repeated("a: {", 500),
                                repeated("[[]", 100'000),
                                indented,
                                repeated("\"]\", [", 100'000)};
    for (const std::string& text : deep) {
        const auto problems = problems_of("x: " + text);
        const auto bare = problems_of(text);
        ASSERT_EQ(problems.size(), 1u) << text.substr(0, 20);
        ASSERT_EQ(bare.size(), 1u) << text.substr(0, 20);
        EXPECT_THAT(bare[0], testing::AnyOf(HasSubstr("nested deeper than 32 levels"),
                                            HasSubstr("YAML syntax")));
    }
    const auto lists = [&](std::size_t depth) {
        return problems_of(repeated("[", depth) + "1" + repeated("]", depth));
    };
    EXPECT_THAT(lists(32), ElementsAre(HasSubstr("expected a map")));
    EXPECT_THAT(lists(33), ElementsAre("f:1:33: nested deeper than 32 levels"));
}

TEST(Document, AliasesAndMergeKeys) {
    const std::string text =
        "listeners: [{address: \"0.0.0.0:80\"}]\n"
        "services:\n"
        "  one: &one\n"
        "    hosts: [one.example]\n"
        "    retries: 5\n"
        "    drain: &drain {timeout: 7s}\n"
        "    slots: {blue: {targets: [\"10.0.0.2:80\"]}}\n"
        "  two:\n"
        "    <<: *one\n"
        "    hosts: [two.example]\n"
        "  three:\n"
        "    <<: [{retries: 1, hosts: [three.example]}, *one]\n"
        "    drain: *drain\n";
    const Config config = test::config_of(text);
    ASSERT_EQ(config.services.size(), 3u);
    EXPECT_EQ(config.services[1].hosts, std::vector<std::string>{"two.example"});
    EXPECT_EQ(config.services[1].retries.attempts, 5u);
    EXPECT_EQ(config.services[1].slots[0]->targets[0].port, 80);
    EXPECT_EQ(config.services[2].hosts, std::vector<std::string>{"three.example"});
    EXPECT_EQ(config.services[2].retries.attempts, 1u);
    EXPECT_EQ(config.services[2].drain_timeout, 7s);
}

TEST(Document, MergeKeysThatGoAstray) {
    EXPECT_THAT(problems_of(kBase + "limits: {<<: 5}\n"),
                ElementsAre("f:3:14: '<<' merges a map or a list of maps, not text"));
    EXPECT_THAT(problems_of(kBase + "limits: {<<: [{connections: 1}, 5]}\n"),
                ElementsAre("f:3:14: '<<' merges a map or a list of maps, not a list"));
    EXPECT_THAT(problems_of(kBase + "limits: {<<: {conections: 1}}\n"),
                ElementsAre(HasSubstr("f:3:15: unknown key 'conections' in 'limits'; did you")));
    // Within itself, and doubling with each level.
    EXPECT_THAT(problems_of(kBase + "limits: &l {<<: *l, connections: 1}\n"), ElementsAre());
    std::string doubling = kBase + "limits:\n  <<:\n    - &m0 {connections: 1}\n";
    for (int i = 1; i < 200; ++i) {
        const std::string before = "*m" + std::to_string(i - 1);
        doubling += "    - &m" + std::to_string(i) + " {<<: [" + before + ", " + before + "]}\n";
    }
    EXPECT_THAT(problems_of(doubling), ElementsAre());
}

TEST(Document, KeysMustBeTextAndUnique) {
    EXPECT_THAT(problems_of(kBase + "? [a, b]\n: 1\n"),
                ElementsAre("f:3:3: a key must be text, not a list"));
    EXPECT_THAT(problems_of(kBase + "log: {level: info}\nvia: a\n\"log\": {level: warn}\n"),
                ElementsAre("f:5:1: duplicate key 'log', first given in line 3"));
    EXPECT_THAT(problems_of(kBase + "via: !secret x\n"),
                ElementsAre("f:3:6: tags such as '!secret' are not supported"));
}

TEST(Report, SortsAndKeepsEachOnce) {
    Report report("f");
    report.add({3, 1}, "c");
    report.add({1, 9}, "a");
    report.add({3, 1}, "c");
    report.add({}, "whole");
    std::vector<std::string> lines;
    for (const auto& problem : report.take())
        lines.push_back(problem.text());
    EXPECT_THAT(lines, ElementsAre("f: whole", "f:1:9: a", "f:3:1: c"));
}

TEST(Report, IsBounded) {
    Report report("f");
    for (int i = 0; i < 5'000; ++i)
        report.add({i + 1, 1}, "bad");
    const auto problems = report.take();
    ASSERT_EQ(problems.size(), 1'001u);
    EXPECT_EQ(problems.back().message, "and 4000 more problems");
}

TEST(Report, ShowsTextHarmlessly) {
    EXPECT_EQ(in_quotes("a\r\n\x1b[31mb"), "'a\\x0d\\x0a\\x1b[31mb'");
    // U+009B is what ESC [ is to some terminals.
    EXPECT_EQ(in_quotes("a\u009b31mb\u0080\u009f"), "'a\\u009b31mb\\u0080\\u009f'");
    EXPECT_EQ(in_quotes("\u00a0\u00fc\u20ac\U0001f600"), "'\u00a0\u00fc\u20ac\U0001f600'");
    EXPECT_EQ(in_quotes("a\x9b\xc2"), "'a\\x9b\\xc2'");
    EXPECT_EQ(printable(std::string(200, 'x')), std::string(100, 'x') + "...");
    EXPECT_EQ(printable(std::string(98, 'x') + "\u00fc\u00fc"), std::string(98, 'x') + "\u00fc...");
    EXPECT_EQ(printable(std::string(99, 'x') + "\u00fc\u00fc"), std::string(99, 'x') + "...");
    EXPECT_EQ(printable(std::string(99, 'x') + "\u009b"), std::string(99, 'x') + "...");
    EXPECT_EQ(printable(std::string(200, '\x9b')).substr(0, 8), "\\x9b\\x9b");
    Report report("f");
    report.add({1, 1}, "the service \u009b2J");
    EXPECT_EQ(report.take().front().text(), "f:1:1: the service \\u009b2J");
}

}  // namespace
}  // namespace switchyard::config
