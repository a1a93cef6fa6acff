#pragma once

namespace switchyard::admin {

/// While it lives, SIGINT (Ctrl-C) and SIGTERM don't end the process: they become readable on fd(),
/// so that a command can still say what it knows. One at a time; main thread.
class Interrupts {
  public:
    Interrupts();
    ~Interrupts();
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;

    /// Readable after the first signal; -1: signals could not be taken over.
    [[nodiscard]] int fd() const noexcept { return fd_; }
    /// Forgets the signal that came first, so that fd() is readable with the next one.
    void take() const;

  private:
    int fd_ = -1;
};

}  // namespace switchyard::admin
