#include "support/origin/page.hpp"

#include "support/origin/world.hpp"

namespace switchyard::origin {
namespace {

constexpr const char* kHead = R"(<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Switchyard sample</title>
<link rel="icon" href="data:,">
<style>
  body { font: 16px/1.5 sans-serif; max-width: 40em; margin: 2em auto; }
  td { padding: 0 1.5em 0 0; }
  .blue { color: #1b5fc1; } .green { color: #1a7f37; }
  pre { background: #f4f4f4; padding: 1em; min-height: 12em; }
</style>
)";

constexpr const char* kBody = R"(
<table>
  <tr><td>WebSocket<td id="socket">not open
  <tr><td>requests<td id="requests">none yet
</table>
<pre id="log"></pre>
<script>
  'use strict';
  // All that the page has seen: messages of the WebSocket, how it ended, answers to requests.
  window.page = { served: document.body.dataset.colour, opened: 0, socket: '', messages: [],
                  closed: [], asked: 0, answered: 0, failed: [], slot: '' };
  const state = window.page;
  const show = (id, text, colour) => {
    const element = document.getElementById(id);
    element.textContent = text;
    element.className = colour;
  };
  const log = text => {
    const element = document.getElementById('log');
    element.textContent = (text + '\n' + element.textContent).slice(0, 2000);
  };

  function open_socket() {
    const socket = new WebSocket(location.origin.replace(/^http/, 'ws') + '/ws');
    let number = 0;
    let timer;
    socket.onmessage = event => {
      const text = event.data;
      if (number === 0) {
        state.opened += 1;
        log('WebSocket opened: ' + text);
        timer = setInterval(() => {
          // Between the server's goodbye and onclose it is CLOSING.
          if (socket.readyState === WebSocket.OPEN) socket.send('message ' + number);
        }, 200);
      }
      number += 1;
      state.socket = text.split(/[ :]/)[0];
      state.messages.push(text);
      show('socket', text, state.socket);
    };
    socket.onclose = event => {
      clearInterval(timer);
      state.socket = '';
      state.closed.push(event.code);
      log('WebSocket closed: ' + event.code);
      show('socket', 'closed: ' + event.code, '');
      // A random wait, so that not all clients knock at the same door at once.
      setTimeout(open_socket, 200 + 300 * Math.random());
    };
  }

  async function ask() {
    state.asked += 1;
    try {
      const answer = await fetch('/?page=' + state.asked, { cache: 'no-store' });
      const text = (await answer.text()).trim();
      if (answer.ok) {
        state.answered += 1;
        if (text.split(' ')[0] !== state.slot) log('requests are answered by ' + text);
        state.slot = text.split(' ')[0];
        show('requests', text + ', ' + state.answered + ' of ' + state.asked, state.slot);
      } else {
        state.failed.push(answer.status + ' ' + text);
      }
    } catch (error) {
      state.failed.push(String(error));
    }
    setTimeout(ask, 50);
  }

  open_socket();
  ask();
</script>
</html>
)";

}  // namespace

std::string page(const World& world) {
    const std::string colour(to_string(world.colour));
    return std::string(kHead) + "<body data-colour=\"" + colour + "\">\n<h1 class=\"" + colour +
           "\">" + colour + "</h1>\n<p>This page came from the " + colour +
           " slot. Switch, and watch what the rest of it does.\n" + kBody;
}

}  // namespace switchyard::origin
