#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace switchyard::test {

/// Decodes a chunked body (RFC 9112 §7.1), strictly: every deviation is `bad`. Used by the origin
/// for requests and by the test clients for responses. Written apart from the product's own codec,
/// so that the two check each other.
class ChunkedDecoder {
  public:
    enum class State { size_line, data, data_end, trailers, done, bad };

    /// Consumes what it can from the front of `input` and hands body bytes to sink(string_view).
    /// Stops after the last chunk's trailers: the rest of `input` belongs to the next message.
    template <class Sink>
    State feed(std::string_view& input, Sink&& sink) {
        while (!input.empty() && state_ != State::done && state_ != State::bad) {
            if (state_ != State::data) {
                take_line_byte(input.front());
                input.remove_prefix(1);
                continue;
            }
            const auto piece = input.substr(0, left_);
            sink(piece);
            left_ -= piece.size();
            input.remove_prefix(piece.size());
            if (left_ == 0) state_ = State::data_end;
        }
        return state_;
    }

    [[nodiscard]] State state() const noexcept { return state_; }

    using Fields = std::vector<std::pair<std::string, std::string>>;
    [[nodiscard]] const Fields& trailers() const noexcept { return trailers_; }

  private:
    void take_line_byte(char byte);
    void end_of_line();
    void end_of_size_line();

    State state_ = State::size_line;
    std::uint64_t left_ = 0;
    std::string line_;
    Fields trailers_;
};

/// Splits "Name: value" (no line end), trimming blanks around the value. False if it is no legal
/// field line: no name, a blank before the colon, a control character.
bool split_field(std::string_view line, std::string_view& name, std::string_view& value);

/// True if the bytes are all token characters (RFC 9110 §5.6.2) and there is at least one.
bool is_token(std::string_view text) noexcept;

/// ASCII only, as field names are.
bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept;

}  // namespace switchyard::test
