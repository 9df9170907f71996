// What Leaflet has no call for: a pane that shows only what lies right of a line.
window.obriySwipe = (id, share) => {
  const map = getElement(id).map;
  let pane = map.getPane("right");
  if (!pane) {
    pane = map.createPane("right");
    pane.style.zIndex = 250;
    const bar = document.createElement("div");
    bar.className = "ob-split";
    map.getContainer().appendChild(bar);
    const clip = () => {
      const size = map.getSize();
      const start = map.containerPointToLayerPoint([0, 0]);
      const end = map.containerPointToLayerPoint(size);
      const line = start.x + size.x * map.obriyShare;
      pane.style.clip = `rect(${start.y}px, ${end.x}px, ${end.y}px, ${line}px)`;
      bar.style.left = `${size.x * map.obriyShare}px`;
      bar.style.display = map.obriyShare < 1 ? "" : "none";
    };
    bar.addEventListener("pointerdown", (down) => {
      down.stopPropagation();
      bar.setPointerCapture(down.pointerId);
      map.dragging.disable();
    });
    bar.addEventListener("pointermove", (move) => {
      if (!bar.hasPointerCapture(move.pointerId)) return;
      const box = map.getContainer().getBoundingClientRect();
      map.obriyShare = Math.min(0.98, Math.max(0.02, (move.clientX - box.left) / box.width));
      clip();
    });
    bar.addEventListener("pointerup", () => map.dragging.enable());
    map.on("move zoom resize", clip);
    map.obriyClip = clip;
  }
  map.obriyShare = share;
  map.obriyClip();
};
window.obriyScale = (id) => L.control.scale({ imperial: false }).addTo(getElement(id).map);
// The answer to a click comes beside the map, which stays where it is.
window.obriySee = (id) =>
  requestAnimationFrame(() => getElement(id)?.scrollIntoView({ block: "start" }));
// Outlines: districts and bodies; which one was clicked is told to the page.
window.obriyShapes = async (id, url) => {
  const answer = await fetch(url);
  if (!answer.ok) return;
  const found = await answer.json();
  const map = getElement(id)?.map;
  if (!map) return; // another view stands there by now
  const looks = {
    district: { color: "#c0174c", weight: 2, dashArray: "6 4", fillOpacity: 0 },
    body: { color: "#0b2f63", weight: 1, fillOpacity: 0 },
  };
  const pane = map.getPane("outlines") || map.createPane("outlines");
  pane.style.zIndex = 420;
  map.obriyShapes?.remove();
  map.obriyShapes = L.geoJSON(found, {
    pane: "outlines",
    style: (shape) => looks[shape.properties.kind],
    onEachFeature: (shape, layer) =>
      layer.on("click", (click) => {
        L.DomEvent.stopPropagation(click);
        emitEvent("obriy-shape", { ...shape.properties, latlng: click.latlng });
      }),
  }).addTo(map);
};
window.obriyNoShapes = (id) => getElement(id).map.obriyShapes?.remove();
