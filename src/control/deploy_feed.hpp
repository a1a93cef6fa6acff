#pragma once

#include "control/line_queue.hpp"
#include "control/remote.hpp"

#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace switchyard::control {

/// What a deploy tells, as NDJSON, to any number of readers: each gets what was kept, then what
/// comes. It never waits for a reader: a slow one misses output and is told how much ("lost"), but
/// no stage and not the end. Of the output the last lines of each host are kept. Control thread
/// only.
class DeployFeed {
  public:
    explicit DeployFeed(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

    /// A line that is kept: a stage, the end. There are few.
    void say(boost::json::object event);
    /// A line that the next one of its kind outdates.
    void progress(boost::json::object event);
    void output(const RemoteOutput& output);
    /// Ends every stream, also those that begin later, after what is kept.
    void close();

    /// `heartbeat`: after so much silence.
    [[nodiscard]] std::unique_ptr<LineSource> follow(
        std::chrono::milliseconds heartbeat = std::chrono::seconds(15));

    /// The last lines of each host, as objects with host, stderr and line (shortened).
    [[nodiscard]] boost::json::array tail() const;

  private:
    struct Reader {
        explicit Reader(boost::asio::any_io_executor executor) : changed(std::move(executor)) {}
        std::deque<Line> lines;
        std::size_t lost = 0;  ///< Lines of output since it was told.
        bool closed = false;
        Wakeup changed;
    };
    class Stream;

    void send(const Line& line, bool may_be_lost);

    boost::asio::any_io_executor executor_;
    bool closed_ = false;
    std::list<Line> kept_;
    std::map<std::string, std::deque<std::list<Line>::iterator>> output_;  ///< By host.
    std::map<std::string, std::list<Line>::iterator> progress_;            ///< By event.
    std::map<std::string, std::deque<RemoteOutput>> tails_;                ///< By host.
    std::vector<std::weak_ptr<Reader>> readers_;
};

}  // namespace switchyard::control
