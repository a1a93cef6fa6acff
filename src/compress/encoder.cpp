#include "compress/encoder.hpp"

#include <algorithm>
#include <bit>
#include <brotli/encode.h>
#include <cstring>
#include <limits>
#include <zlib.h>

namespace switchyard::compress {

namespace {

/// Room that is made for output at least, octets.
constexpr std::size_t kRoom = 4 * 1024;
constexpr std::size_t kLargestRoom = 64 * 1024;

/// Binary logarithms of windows: how far back repetitions are found.
constexpr int kLeastWindow = 10;
constexpr int kGzipWindow = 15;
/// Brotli could have 4 MiB; each response under way would hold more than that.
constexpr int kBrotliWindow = 18;
constexpr int kGzipHeader = 16;  ///< Added to zlib's window: a gzip header and trailer.

int window_for(std::optional<std::uint64_t> size, int most) noexcept {
    if (!size) return most;
    return static_cast<int>(
        std::clamp<std::uint64_t>(static_cast<std::uint64_t>(std::bit_width(*size)), kLeastWindow,
                                  static_cast<std::uint64_t>(most)));
}

void make_room(Buffer& out) {
    if (out.room() >= kRoom) return;
    out.reserve(out.size() + std::clamp(out.size(), kRoom, kLargestRoom));
}

class Gzip final : public Encoder {
  public:
    Gzip() = default;
    ~Gzip() override {
        if (ready_) deflateEnd(&stream_);
    }
    Gzip(const Gzip&) = delete;
    Gzip& operator=(const Gzip&) = delete;

    [[nodiscard]] bool start(int level, std::optional<std::uint64_t> size) noexcept {
        const int window = window_for(size, kGzipWindow);
        ready_ = deflateInit2(&stream_, level, Z_DEFLATED, window + kGzipHeader,
                              std::clamp(window - 7, 1, 8), Z_DEFAULT_STRATEGY) == Z_OK;
        return ready_;
    }

    [[nodiscard]] bool encode(std::string_view input, Mode mode, Buffer& out) override {
        int flush = Z_NO_FLUSH;
        if (mode == Mode::flush) flush = Z_SYNC_FLUSH;
        if (mode == Mode::finish) flush = Z_FINISH;
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
        stream_.avail_in = static_cast<uInt>(input.size());
        for (;;) {
            make_room(out);
            stream_.next_out = reinterpret_cast<Bytef*>(out.tail());
            stream_.avail_out = static_cast<uInt>(out.room());
            const int result = deflate(&stream_, flush);
            out.commit(out.room() - stream_.avail_out);
            if (result == Z_STREAM_END) return true;
            // Z_BUF_ERROR: there was nothing to do.
            if (result == Z_BUF_ERROR && mode != Mode::finish) return true;
            if (result != Z_OK) return false;
            if (stream_.avail_out != 0 && mode != Mode::finish) return true;
        }
    }

  private:
    z_stream stream_{};
    bool ready_ = false;
};

class Brotli final : public Encoder {
  public:
    Brotli() : state_(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr)) {}
    ~Brotli() override {
        if (state_ != nullptr) BrotliEncoderDestroyInstance(state_);
    }
    Brotli(const Brotli&) = delete;
    Brotli& operator=(const Brotli&) = delete;

    [[nodiscard]] bool start(int level, std::optional<std::uint64_t> size) noexcept {
        if (state_ == nullptr) return false;
        BrotliEncoderSetParameter(state_, BROTLI_PARAM_QUALITY, static_cast<std::uint32_t>(level));
        BrotliEncoderSetParameter(state_, BROTLI_PARAM_LGWIN,
                                  static_cast<std::uint32_t>(window_for(size, kBrotliWindow)));
        if (size && *size <= std::numeric_limits<std::int32_t>::max()) {
            BrotliEncoderSetParameter(state_, BROTLI_PARAM_SIZE_HINT,
                                      static_cast<std::uint32_t>(*size));
        }
        return true;
    }

    [[nodiscard]] bool encode(std::string_view input, Mode mode, Buffer& out) override {
        BrotliEncoderOperation operation = BROTLI_OPERATION_PROCESS;
        if (mode == Mode::flush) operation = BROTLI_OPERATION_FLUSH;
        if (mode == Mode::finish) operation = BROTLI_OPERATION_FINISH;
        std::size_t left = input.size();
        const auto* at = reinterpret_cast<const std::uint8_t*>(input.data());
        for (;;) {
            make_room(out);
            std::size_t room = out.room();
            auto* to = reinterpret_cast<std::uint8_t*>(out.tail());
            if (BrotliEncoderCompressStream(state_, operation, &left, &at, &room, &to, nullptr) ==
                BROTLI_FALSE) {
                return false;
            }
            out.commit(out.room() - room);
            if (left == 0 && BrotliEncoderHasMoreOutput(state_) == BROTLI_FALSE) return true;
        }
    }

  private:
    BrotliEncoderState* state_;
};

template <class Kind>
std::unique_ptr<Encoder> make(int level, std::optional<std::uint64_t> size) {
    auto made = std::make_unique<Kind>();
    if (!made->start(level, size)) return nullptr;
    return made;
}

}  // namespace

std::unique_ptr<Encoder> make_encoder(config::Compression::Algorithm algorithm,
                                      const config::Compression& options,
                                      std::optional<std::uint64_t> size) {
    if (algorithm == config::Compression::Algorithm::gzip) {
        return make<Gzip>(options.gzip_level, size);
    }
    return make<Brotli>(options.brotli_level, size);
}

}  // namespace switchyard::compress
