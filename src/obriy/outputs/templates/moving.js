"use strict";
(() => {
  const root = document.getElementById("moving");
  const data = JSON.parse(document.getElementById("moving-data").textContent);
  const canvas = root.querySelector("canvas");
  const pen = canvas.getContext("2d");
  const told = root.querySelector(".told");
  const where = document.getElementById("moving-where");
  const words = data.words;
  const [rows, columns] = data.extent;
  // The plane of the page: x is the column, y the row as high as it is on the ground.
  const high = rows * data.aspect;
  const over = { outlines: true, names: true, graticule: true };
  const view = { x: columns / 2, y: high / 2, scale: 1 };
  const size = { width: 0, height: 0 };
  let chosen = null;
  let asked = null;
  let keys = false;
  const DEGREES = "11px system-ui, sans-serif";

  const number = (value, digits) =>
    value.toLocaleString(document.documentElement.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits })
      .replace(/\u00a0/g, "\u202f").replace("-", "−");
  const clamp = (value, low, high_) => Math.min(Math.max(value, low), high_);
  const fit = () => Math.min(size.width / columns, size.height / high);
  const toScreen = (x, y) => [(x - view.x) * view.scale + size.width / 2, (y - view.y) * view.scale + size.height / 2];
  const toPlane = (x, y) => [(x - size.width / 2) / view.scale + view.x, (y - size.height / 2) / view.scale + view.y];

  for (const shape of data.shapes) {
    shape.path = new Path2D();
    shape.box = [Infinity, Infinity, -Infinity, -Infinity];
    for (const ring of shape.rings) {
      for (let i = 0; i < ring.length; i += 2) {
        const [x, y] = [ring[i], ring[i + 1] * data.aspect];
        if (i) shape.path.lineTo(x, y); else shape.path.moveTo(x, y);
        const b = shape.box;
        shape.box = [Math.min(b[0], x), Math.min(b[1], y), Math.max(b[2], x), Math.max(b[3], y)];
      }
      shape.path.closePath();
    }
  }
  const sheets = data.sheets.map((sheet) => {
    const image = new Image();
    const ready = new Promise((done) => { image.onload = image.onerror = () => { done(); draw(); }; });
    image.src = sheet.source;
    const find = (kind) => root.querySelector(`[data-${kind}="${sheet.name}"]`);
    return { name: sheet.name, image, ready, switch_: find("sheet"), opacity: find("opacity"), legend: find("legend") };
  });
  const codes = new Image();
  let codesOf = null;
  codes.onload = () => {
    const hidden = document.createElement("canvas");
    [hidden.width, hidden.height] = [codes.width, codes.height];
    codesOf = hidden.getContext("2d", { willReadFrequently: true });
    codesOf.drawImage(codes, 0, 0);
  };
  if (data.codes) codes.src = data.codes;

  function lonlat(x, y) {
    if (!data.lonlat) return null;
    const side = Math.sqrt(data.lonlat[0].length);
    const [u, v] = [clamp(x / columns, 0, 1) * (side - 1), clamp(y / high, 0, 1) * (side - 1)];
    const [i, j] = [Math.min(Math.floor(u), side - 2), Math.min(Math.floor(v), side - 2)];
    const [a, b] = [u - i, v - j];
    return data.lonlat.map((values) => {
      const at = (m, n) => values[n * side + m];
      return (at(i, j) * (1 - a) + at(i + 1, j) * a) * (1 - b) + (at(i, j + 1) * (1 - a) + at(i + 1, j + 1) * a) * b;
    });
  }
  const turned = (lon) => ((((lon + 180) % 360) + 360) % 360) - 180;
  function degrees(value, digits, positive, negative) {
    return `${number(Math.abs(value), digits)}° ${value < 0 ? negative : positive}`;
  }
  function place(x, y) {
    if (x < 0 || y < 0 || x > columns || y > high) return words.outside;
    const [column, row] = [x, y / data.aspect];
    if (!data.affine) return `${words.column} ${number(Math.floor(column), 0)}, ${words.row} ${number(Math.floor(row), 0)}`;
    const [lon, lat] = lonlat(x, y) || [];
    const geographic = lon === undefined ? "" :
      `${degrees(lat, 5, words.north, words.south)}, ${degrees(turned(lon), 5, words.east, words.west)}`;
    if (!data.projected) return geographic;
    const [a, b, c, d, e, f] = data.affine;
    const plane = `x ${number(a * column + b * row + c, 0)}, y ${number(d * column + e * row + f, 0)}`;
    return geographic ? `${geographic} · ${plane}` : plane;
  }

  function draw() {
    if (!size.width) return;
    const sharp = window.devicePixelRatio || 1;
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    pen.clearRect(0, 0, size.width, size.height);
    const [left, top] = toScreen(0, 0);
    for (const sheet of sheets) {
      if (!sheet.switch_.checked || !sheet.image.complete || !sheet.image.naturalWidth) continue;
      pen.globalAlpha = sheet.opacity.value / 100;
      pen.imageSmoothingEnabled = (columns * view.scale) / sheet.image.width < 2;
      pen.imageSmoothingQuality = "high";
      pen.drawImage(sheet.image, left, top, columns * view.scale, high * view.scale);
    }
    pen.globalAlpha = 1;
    const taken = [];
    if (over.graticule) graticule(taken);
    scaleBar(taken);
    if (over.outlines || chosen) outlines(sharp);
    if (over.names) names(taken);
    if (asked) mark(...toScreen(...asked));
    if (keys) cross(size.width / 2, size.height / 2);
  }
  function outlines(sharp) {
    const [left, top] = toScreen(0, 0);
    const placed = new DOMMatrix([view.scale, 0, 0, view.scale, left, top]);
    pen.lineJoin = "round";
    for (const shape of data.shapes) {
      if ((!over.outlines || shape.quiet) && shape !== chosen) continue;
      if (!onScreen(shape.box)) continue;
      const path = new Path2D();
      path.addPath(shape.path, placed);
      const width = shape === chosen ? 3.5 : shape.kind === "district" ? 1.8 : 1;
      pen.strokeStyle = "rgba(255,255,255,.85)";
      pen.lineWidth = width + 1.6;
      pen.stroke(path);
      pen.strokeStyle = shape.colour;
      pen.lineWidth = width;
      pen.stroke(path);
    }
  }
  function onScreen([west, north, east, south]) {
    const [left, top] = toPlane(0, 0);
    const [right, bottom] = toPlane(size.width, size.height);
    return west < right && east > left && north < bottom && south > top;
  }
  function free(taken, box) {
    return !taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1]);
  }
  function write(text, x, y, font, taken, must) {
    pen.font = font;
    const wide = pen.measureText(text).width;
    const box = [x - wide / 2 - 3, y - 9, x + wide / 2 + 3, y + 9];
    const inside = box[0] >= 0 && box[2] <= size.width && box[1] >= 0 && box[3] <= size.height;
    if (!must && !(inside && free(taken, box))) return false;
    taken.push(box);
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    pen.lineWidth = 3.5;
    pen.strokeStyle = "rgba(255,255,255,.92)";
    pen.strokeText(text, x, y);
    pen.fillStyle = "#14181d";
    pen.fillText(text, x, y);
    return true;
  }
  function names(taken) {
    const font = (shape) => `${shape.kind === "district" ? "600 13px" : "12px"} system-ui, "Noto Sans", "DejaVu Sans", sans-serif`;
    const order = chosen ? [chosen, ...data.shapes.filter((shape) => shape !== chosen)] : data.shapes;
    const kinds = [...order.filter((s) => s === chosen || s.kind === "district"), ...order.filter((s) => s !== chosen && s.kind !== "district")];
    for (const shape of kinds) {
      const wide = (shape.box[2] - shape.box[0]) * view.scale;
      if (shape !== chosen && (shape.quiet || wide < (shape.kind === "district" ? 30 : 22))) continue;
      const [x, y] = toScreen(shape.at[0], shape.at[1] * data.aspect);
      write(shape.name, x, y, font(shape), taken, false);
    }
  }
  function step(span, most) {
    const rough = span / most;
    const power = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 5, 10].map((k) => k * power).find((value) => value >= rough);
  }
  // Lines of equal longitude and latitude, whatever the projection: where they cross the sides of a mesh.
  function graticule(taken) {
    if (!data.lonlat) return;
    const n = 24;
    const corner = toPlane(0, 0), end = toPlane(size.width, size.height);
    const [x0, y0] = [Math.max(corner[0], 0), Math.max(corner[1], 0)];
    const [x1, y1] = [Math.min(end[0], columns), Math.min(end[1], high)];
    if (x1 <= x0 || y1 <= y0) return;
    const mesh = [];
    for (let j = 0; j <= n; j += 1) for (let i = 0; i <= n; i += 1) {
      const [x, y] = [x0 + ((x1 - x0) * i) / n, y0 + ((y1 - y0) * j) / n];
      mesh.push([...toScreen(x, y), ...lonlat(x, y)]);
    }
    for (const axis of [2, 3]) {
      const values = mesh.map((point) => point[axis]);
      const [low, top] = [Math.min(...values), Math.max(...values)];
      const gap = step(top - low, axis === 2 ? size.width / 150 : size.height / 110);
      if (!(gap > 0)) continue;
      const digits = Math.max(0, -Math.floor(Math.log10(gap) + 1e-9));
      for (let k = Math.ceil(low / gap); k * gap <= top; k += 1) {
        const ends = isoline(mesh, n, axis, k * gap);
        // One that leaves by the other side would be read as a line of the other kind.
        const foot = Math.min(size.height, toScreen(0, high)[1]), side = Math.max(0, toScreen(0, 0)[0]);
        if (!ends || (axis === 2 ? ends[1] < foot - 24 : ends[0] > side + 24)) continue;
        const value = axis === 2 ? turned(k * gap) : k * gap;
        const name = axis === 2 ? degrees(value, digits, words.east, words.west) : degrees(value, digits, words.north, words.south);
        // A name grows with the decimals of a large scale: it begins at the edge, however wide it is.
        pen.font = DEGREES;
        const half = pen.measureText(name).width / 2 + 5;
        const at = axis === 2 ? [ends[0], Math.min(ends[1] - 11, size.height - 11)] : [Math.max(ends[0], 0) + half, ends[1]];
        write(name, at[0], at[1], DEGREES, taken, false);
      }
    }
  }
  function isoline(mesh, n, axis, value) {
    let found = null;
    pen.beginPath();
    for (let j = 0; j < n; j += 1) for (let i = 0; i < n; i += 1) {
      const ring = [mesh[j * (n + 1) + i], mesh[j * (n + 1) + i + 1], mesh[(j + 1) * (n + 1) + i + 1], mesh[(j + 1) * (n + 1) + i]];
      const hits = [];
      ring.forEach((p, k) => {
        const q = ring[(k + 1) % 4];
        if ((p[axis] < value) === (q[axis] < value)) return;
        const t = (value - p[axis]) / (q[axis] - p[axis]);
        hits.push([p[0] + (q[0] - p[0]) * t, p[1] + (q[1] - p[1]) * t]);
      });
      if (hits.length < 2) continue;
      pen.moveTo(...hits[0]);
      pen.lineTo(...hits[1]);
      // A meridian is named at its foot, a parallel at its left end.
      for (const hit of hits) if (!found || (axis === 2 ? hit[1] > found[1] : hit[0] < found[0])) found = hit;
    }
    pen.lineWidth = 2;
    pen.strokeStyle = "rgba(255,255,255,.35)";
    pen.stroke();
    pen.lineWidth = 0.8;
    pen.strokeStyle = "rgba(20,24,29,.45)";
    pen.stroke();
    return found;
  }
  function scaleBar(taken) {
    if (!data.metres) return;
    const perPixel = data.metres / view.scale;
    const most = 130 * perPixel;
    const power = 10 ** Math.floor(Math.log10(most));
    const length = [5, 2, 1].map((k) => k * power).find((value) => value <= most);
    const wide = length / perPixel;
    const [x, y] = [size.width - 16 - wide, size.height - 16];
    const label = length >= 1000 ? `${number(length / 1000, 0)} ${words.km}` : `${number(length, length < 1 ? 2 : 0)} ${words.m}`;
    pen.fillStyle = "rgba(255,255,255,.8)";
    pen.fillRect(x - 8, y - 22, wide + 16, 32);
    taken.push([x - 8, y - 22, x + wide + 8, y + 10]);
    pen.strokeStyle = "#14181d";
    pen.lineWidth = 2;
    pen.beginPath();
    pen.moveTo(x, y - 5);
    pen.lineTo(x, y);
    pen.lineTo(x + wide, y);
    pen.lineTo(x + wide, y - 5);
    pen.stroke();
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillStyle = "#14181d";
    pen.fillText(data.north ? `${label}  ↑${words.up}` : label, x + wide / 2, y - 12);
  }
  function mark(x, y) {
    for (const [colour, width] of [["#fff", 5], ["#14181d", 2]]) {
      pen.beginPath();
      pen.arc(x, y, 7, 0, 2 * Math.PI);
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.stroke();
    }
  }
  function cross(x, y) {
    for (const [colour, width] of [["#fff", 4], ["#14181d", 1.5]]) {
      pen.beginPath();
      pen.moveTo(x - 12, y);
      pen.lineTo(x + 12, y);
      pen.moveTo(x, y - 12);
      pen.lineTo(x, y + 12);
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.stroke();
    }
  }

  function keep() {
    view.scale = clamp(view.scale, fit(), Math.max(24, fit() * 4));
    const margins = [size.width / 2 / view.scale, size.height / 2 / view.scale];
    const held = (value, whole, margin) => (2 * margin >= whole ? whole / 2 : clamp(value, margin, whole - margin));
    [view.x, view.y] = [held(view.x, columns, margins[0]), held(view.y, high, margins[1])];
    // At its smallest the map leaves a finger that moves up or down to the page.
    canvas.style.touchAction = view.scale > fit() * 1.01 ? "none" : "pan-y";
    draw();
  }
  function zoom(by, x = size.width / 2, y = size.height / 2) {
    const before = toPlane(x, y);
    view.scale = clamp(view.scale * by, fit(), Math.max(24, fit() * 4));
    const after = toPlane(x, y);
    view.x += before[0] - after[0];
    view.y += before[1] - after[1];
    keep();
  }
  function whole() {
    Object.assign(view, { x: columns / 2, y: high / 2, scale: fit() });
    keep();
  }
  function list(title, name, facts) {
    const part = document.createElement("div");
    const head = part.appendChild(document.createElement("p"));
    head.className = "head";
    head.append(title);
    const strong = part.appendChild(document.createElement("p"));
    strong.className = "name";
    strong.textContent = name;
    const terms = part.appendChild(document.createElement("dl"));
    for (const [what, value] of facts) {
      const row = terms.appendChild(document.createElement("div"));
      row.appendChild(document.createElement("dt")).textContent = what;
      row.appendChild(document.createElement("dd")).textContent = value;
    }
    return part;
  }
  function tell(shapes, code, at) {
    const parts = shapes.map((shape) => list(words[shape.kind], shape.name, shape.facts));
    if (code !== null) {
      const one = data.classes[code];
      parts.push(one ? list(words.class, one.name, one.facts) : list(words.class, words.unseen, []));
    }
    if (!parts.length) parts.push(list("", words.nothing, []));
    if (at) parts[parts.length - 1].appendChild(document.createElement("p")).textContent = at;
    told.replaceChildren(...parts);
  }
  function ask(x, y) {
    asked = [x, y];
    pen.setTransform(1, 0, 0, 1, 0, 0);
    const found = data.shapes.filter((shape) => pen.isPointInPath(shape.path, x, y, "evenodd")).reverse();
    chosen = found[0] || null;
    let code = null;
    const inside = x >= 0 && y >= 0 && x < columns && y < high;
    if (codesOf && inside) {
      const pixel = codesOf.getImageData(Math.floor((x / columns) * codes.width), Math.floor((y / high) * codes.height), 1, 1);
      code = pixel.data[0];
    }
    tell(found, code, inside ? place(x, y) : "");
    draw();
  }
  function go(shape) {
    const [west, north, east, south] = shape.box;
    view.scale = Math.min(size.width / (east - west), size.height / (south - north)) * 0.7;
    [view.x, view.y] = [(west + east) / 2, (north + south) / 2];
    [chosen, asked] = [shape, null];
    tell([shape], null, "");
    keep();
  }

  const fingers = new Map();
  let moved = 0;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, at(event));
    if (fingers.size === 1) moved = 0;
    keys = false;
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = at(event), before = fingers.get(event.pointerId);
    where.textContent = place(...toPlane(...now));
    if (!before) return;
    const others = [...fingers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    if (others.length) {
      const [other] = others, span = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
      zoom(span(now) / span(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
      moved = Infinity;
    } else {
      moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
      view.x -= (now[0] - before[0]) / view.scale;
      view.y -= (now[1] - before[1]) / view.scale;
      keep();
    }
    fingers.set(event.pointerId, now);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => {
      const alone = fingers.size === 1;
      fingers.delete(event.pointerId);
      if (name === "pointerup" && alone && moved < 5) ask(...toPlane(...at(event)));
    });
  }
  canvas.addEventListener("dblclick", (event) => zoom(2, ...at(event)));
  canvas.addEventListener("wheel", (event) => {
    const by = Math.exp(-clamp(event.deltaY * (event.deltaMode ? 16 : 1), -120, 120) / 240);
    // The page scrolls on until the map was touched, and where it is as small as it gets.
    const mine = event.ctrlKey || document.activeElement === canvas;
    if (!mine || (by < 1 && view.scale <= fit() * 1.001)) return;
    event.preventDefault();
    zoom(by, ...at(event));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (event.altKey || event.metaKey || event.ctrlKey) return;
    const far = 0.15 / view.scale;
    const push = (x, y) => { view.x += x * far * size.width; view.y += y * far * size.height; keep(); };
    const verbs = {
      ArrowLeft: () => push(-1, 0), ArrowRight: () => push(1, 0), ArrowUp: () => push(0, -1), ArrowDown: () => push(0, 1),
      "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: whole, Home: whole,
      Enter: () => ask(view.x, view.y), " ": () => ask(view.x, view.y),
    };
    if (!verbs[event.key]) return;
    event.preventDefault();
    keys = true;
    verbs[event.key]();
    where.textContent = place(view.x, view.y);
    draw();
  });
  canvas.addEventListener("blur", () => { keys = false; draw(); });
  for (const button of root.querySelectorAll("[data-zoom]")) {
    const by = Number(button.dataset.zoom);
    button.addEventListener("click", () => (by ? zoom(by) : whole()));
  }
  for (const sheet of sheets) {
    sheet.switch_.addEventListener("change", () => {
      if (sheet.legend) sheet.legend.hidden = !sheet.switch_.checked;
      draw();
    });
    sheet.opacity.addEventListener("input", draw);
  }
  for (const box of root.querySelectorAll("[data-over]")) {
    const key = root.querySelector(`[data-legend="${box.dataset.over}"]`);
    box.addEventListener("change", () => {
      over[box.dataset.over] = box.checked;
      if (key) key.hidden = !box.checked;
      draw();
    });
  }
  const list_ = root.querySelector("select");
  if (list_) list_.addEventListener("change", () => { if (list_.value !== "") go(data.shapes[list_.value]); });

  // As wide as the page and as high as the map is, within what the style allows.
  canvas.style.aspectRatio = `${columns} / ${high}`;
  root.hidden = false;
  document.body.classList.add("moves");
  new ResizeObserver(() => {
    const box = canvas.getBoundingClientRect();
    if (!box.width || !box.height) return;
    const first = !size.width || view.scale <= fit() * 1.001;
    [size.width, size.height] = [box.width, box.height];
    const sharp = window.devicePixelRatio || 1;
    [canvas.width, canvas.height] = [Math.round(box.width * sharp), Math.round(box.height * sharp)];
    if (first) whole(); else keep();
  }).observe(canvas);
  Promise.all(sheets.map((sheet) => sheet.ready)).then(() => { root.dataset.ready = "yes"; });
  root.moving = { view, toScreen, place: (x, y) => place(x, y), shapes: data.shapes, aspect: data.aspect };
})();
