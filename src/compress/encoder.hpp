#pragma once

#include "base/buffer.hpp"
#include "config/config.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace switchyard::compress {

/// One content coding under way, for one body.
class Encoder {
  public:
    /// `flush`: everything so far can be decoded from what came out. `finish`: nothing follows.
    enum class Mode : std::uint8_t { process, flush, finish };

    virtual ~Encoder() = default;
    /// Takes all of `input` and appends what comes out to `out`. False: out of memory, in effect;
    /// the encoder can't be used any more. After `finish` it must not be called again.
    [[nodiscard]] virtual bool encode(std::string_view input, Mode mode, Buffer& out) = 0;
};

/// Memory that an encoder takes is a few hundred KiB; less where `size`, the number of octets that
/// will come (if known), is small. Null: out of memory.
[[nodiscard]] std::unique_ptr<Encoder> make_encoder(config::Compression::Algorithm algorithm,
                                                    const config::Compression& options,
                                                    std::optional<std::uint64_t> size);

}  // namespace switchyard::compress
