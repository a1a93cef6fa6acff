#include "compress/compressed_body.hpp"

#include "compress/plan.hpp"

namespace switchyard::compress {

using http::Chunk;
using http::Fault;

namespace {

/// One pull ends when so much came out, or so much was taken.
constexpr std::size_t kEnoughOut = 16 * 1024;
constexpr std::size_t kEnoughIn = 256 * 1024;

}  // namespace

Chunk CompressedBody::begin(const Chunk& first) {
    take(first);
    return hand_out();
}

void CompressedBody::encode(std::string_view input, Encoder::Mode mode) {
    const std::size_t before = out_.size();
    if (!encoder_->encode(input, mode, out_)) {
        broken_ = true;
        fault_ = Fault::reset;
    }
    produced_ += out_.size() - before;
    unflushed_ = mode == Encoder::Mode::process;
}

void CompressedBody::take(const Chunk& piece) {
    if (handed_out_) {
        out_.clear();
        handed_out_ = false;
    }
    if (piece.fault != Fault::none) {
        fault_ = piece.fault;
        return;
    }
    taken_ += piece.data.size();
    if (!piece.last) {
        if (!piece.data.empty()) encode(piece.data, Encoder::Mode::process);
        return;
    }
    encode(piece.data, Encoder::Mode::finish);
    finished_ = true;
    for (const http::Field& field : inner_.trailers()) {
        if (!is_digest(field.name)) trailers_.push_back(field);
    }
}

Chunk CompressedBody::hand_out() {
    handed_out_ = true;
    Chunk chunk;
    // What came before the fault goes on.
    if (fault_ != Fault::none && (broken_ || out_.empty())) {
        chunk.fault = fault_;
        return chunk;
    }
    chunk.data = out_.view();
    chunk.last = finished_;
    return chunk;
}

bool CompressedBody::try_next(Chunk& chunk) {
    if (handed_out_) {
        out_.clear();
        handed_out_ = false;
    }
    std::size_t in = 0;
    bool more = true;
    while (more && !finished_ && fault_ == Fault::none && in < kEnoughIn &&
           out_.size() < kEnoughOut) {
        Chunk piece;
        more = inner_.try_next(piece);
        if (!more) break;
        in += piece.data.size();
        take(piece);
    }
    const bool over = fault_ != Fault::none;
    // Nothing more at hand, or a lot of the same: it has to come out.
    if (unflushed_ && !finished_ && !broken_ && (!more || over || out_.empty())) {
        encode({}, Encoder::Mode::flush);
    }
    if (!finished_ && fault_ == Fault::none && out_.empty()) return false;
    chunk = hand_out();
    return true;
}

Task<Chunk> CompressedBody::next() {
    Chunk chunk;
    while (!try_next(chunk)) {
        const Chunk piece = co_await inner_.next();
        take(piece);
    }
    co_return chunk;
}

}  // namespace switchyard::compress
