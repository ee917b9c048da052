/** The map of a site's plants, live by a socket of the app's own: a spot for each, the drier the paler. */

import { useEffect, useState } from "preact/hooks";

import { registerPage } from "../causeway/register.js";
import { html } from "../causeway/ui/html.js";

const AGAIN_MS = 1000;

/** Have `heard` called with each message, until the function that this returns is called. */
function listen(path, heard) {
  let socket, timer;
  const open = () => {
    const url = new URL(path, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    socket = new WebSocket(url);
    socket.onmessage = ({ data }) => heard(JSON.parse(data));
    socket.onclose = () => (timer = setTimeout(open, AGAIN_MS));
  };
  open();
  return () => {
    clearTimeout(timer);
    socket.onclose = null;
    socket.close();
  };
}

function Greenhouse({ data }) {
  const [plants, setPlants] = useState({});
  const heard = ({ plant, moisture }) => plant && setPlants((before) => ({ ...before, [plant]: moisture }));
  useEffect(() => listen(data.socket, heard), [data.socket]);
  const shown = Object.entries(plants).filter(([, moisture]) => moisture !== null);
  return html`<h1>Greenhouse</h1>
    <ol class="greenhouse">
      ${shown.sort().map(([key, moisture]) => html`<li key=${key} title=${key} style=${`opacity: ${0.4 + moisture / 170}`}>${moisture} %</li>`)}
    </ol>`;
}

registerPage("plants_map", { component: Greenhouse });
