// The one translation unit that compiles Asio and Beast (BOOST_ASIO_SEPARATE_COMPILATION), so that
// no other one pays for them.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
