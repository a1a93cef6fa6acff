#pragma once

namespace switchyard::route {
class Target;
}

namespace switchyard::relay {

class Flight;

/// Puts the header of the PROXY protocol into the flight that connections to this target have to
/// begin with, so that it knows the client: who connected to us, or who the balancer in front of us
/// said it is, from where to where. The same for all requests of one client connection.
void name_client(Flight& flight, const route::Target& target);

}  // namespace switchyard::relay
