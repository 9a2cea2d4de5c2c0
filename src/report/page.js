"use strict";
(function () {
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);

  /* ---- light and dark */

  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const listeners = [];
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  const announce = () => {
    $("theme").textContent = isDark() ? "Light" : "Dark";
    listeners.forEach((f) => f());
  };
  const remembered = () => {
    try { return localStorage.getItem("vitcod-theme"); } catch (e) { return null; }
  };
  const remember = (theme) => {
    try { localStorage.setItem("vitcod-theme", theme); } catch (e) { /* a page from a file may not */ }
  };
  if (remembered() === "dark" || remembered() === "light") root.dataset.theme = remembered();
  $("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remember(root.dataset.theme);
    announce();
  });
  system.addEventListener("change", announce);
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  /* ---- pictures for elsewhere */

  const KEPT = ["fill", "stroke", "stroke-width", "font-family", "font-size", "text-anchor", "opacity"];

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  /* A drawing that stands on its own: the page's colours inside it, and its paper. */
  function standalone(svg) {
    const copy = svg.cloneNode(true), from = svg.querySelectorAll("*"), to = copy.querySelectorAll("*");
    from.forEach((element, i) => {
      const style = getComputedStyle(element);
      to[i].setAttribute("style", KEPT.map((k) => k + ":" + style.getPropertyValue(k)).join(";"));
      to[i].removeAttribute("class");
    });
    const box = svg.viewBox.baseVal, paper = document.createElementNS(svg.namespaceURI, "rect");
    paper.setAttribute("width", box.width);
    paper.setAttribute("height", box.height);
    paper.setAttribute("style", "fill:" + colour("--card"));
    copy.prepend(paper);
    copy.setAttribute("xmlns", svg.namespaceURI);
    copy.setAttribute("width", box.width);
    copy.setAttribute("height", box.height);
    return new XMLSerializer().serializeToString(copy);
  }

  function frameOf(canvas) {
    return '<svg xmlns="http://www.w3.org/2000/svg" width="' + canvas.width + '" height="' + canvas.height +
      '"><image width="' + canvas.width + '" height="' + canvas.height + '" style="image-rendering:pixelated" href="' +
      canvas.toDataURL() + '"/></svg>';
  }

  function drawingOf(figure) {
    const svg = figure.querySelector("svg");
    return svg ? standalone(svg) : frameOf(figure.querySelector("canvas"));
  }

  function canvasOf(figure, then) {
    const canvas = figure.querySelector("canvas");
    if (canvas) return then(canvas);
    const picture = new Image(), scale = 3;
    picture.onload = () => {
      const drawn = document.createElement("canvas");
      drawn.width = picture.width * scale;
      drawn.height = picture.height * scale;
      drawn.getContext("2d").drawImage(picture, 0, 0, drawn.width, drawn.height);
      then(drawn);
    };
    picture.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(drawingOf(figure));
  }

  document.addEventListener("click", (event) => {
    const kind = event.target.dataset && event.target.dataset.export;
    if (!kind) return;
    const figure = event.target.closest("figure");
    const title = figure.querySelector("h3").textContent.replace(/[^\p{L}\p{N}]+/gu, "-").toLowerCase();
    if (kind === "svg") save(new Blob([drawingOf(figure)], { type: "image/svg+xml" }), title + ".svg");
    else canvasOf(figure, (canvas) => canvas.toBlob((blob) => save(blob, title + ".png")));
  });

  /* ---- maps */

  function ramp(colours) {
    const table = new Uint8ClampedArray(256 * 3);
    for (let i = 0; i < 256; i++) {
      const at = i / 255 * (colours.length - 1), low = Math.min(Math.floor(at), colours.length - 2);
      for (let c = 0; c < 3; c++)
        table[3 * i + c] = colours[low][c] + (at - low) * (colours[low + 1][c] - colours[low][c]);
    }
    return table;
  }

  /* The grey values of a picture, one byte each. */
  function pixelsOf(source) {
    return new Promise((resolve, reject) => {
      const picture = new Image();
      picture.onload = () => {
        const canvas = document.createElement("canvas");
        canvas.width = picture.width;
        canvas.height = picture.height;
        const context = canvas.getContext("2d", { willReadFrequently: true });
        context.drawImage(picture, 0, 0);
        const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
        const grey = new Uint8Array(canvas.width * canvas.height);
        for (let i = 0; i < grey.length; i++) grey[i] = data[4 * i];
        resolve(grey);
      };
      picture.onerror = () => reject(new Error("a map cannot be read"));
      picture.src = source;
    });
  }

  async function unpack(layer) {
    if (layer.ready) return layer;
    if (layer.attention) layer.shade = await pixelsOf(layer.attention);
    if (layer.kept) layer.keep = await pixelsOf(layer.kept);
    layer.ready = true;
    return layer;
  }

  function parts(text) {
    const hex = text.replace("#", "");
    return [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16));
  }

  /* One head as a view sees it: where entry (row, column) lies, and its colour. */
  const VIEWS = [
    { id: "attention", title: "Averaged attention", needs: (l) => l.attention },
    { id: "mask", title: "Mask", needs: (l) => l.kept },
    { id: "polarized", title: "Polarized mask", needs: (l) => l.kept && l.keyOrder },
    { id: "reordered", title: "Attention, polarized", needs: (l) => l.attention && l.keyOrder },
  ];
  const isOrdered = (view) => view.id === "polarized" || view.id === "reordered";

  function entry(layer, head, view, row, column) {
    const ordered = isOrdered(view);
    const query = ordered ? layer.queryOrder[head * layer.queries + row] : row;
    const key = ordered ? layer.keyOrder[head * layer.keys + column] : column;
    return { query, key, at: (head * layer.queries + query) * layer.keys + key };
  }

  function paint(canvas, layer, head, view, table) {
    const context = canvas.getContext("2d"), image = context.createImageData(layer.keys, layer.queries);
    const paints = ["--pruned", "--kept", "--denser-pruned", "--denser-kept"].map((n) => parts(colour(n)));
    const globals = view.id === "polarized" ? layer.globals[head] : 0;
    const isMask = view.id === "mask" || view.id === "polarized";
    canvas.width = layer.keys;
    canvas.height = layer.queries;
    for (let row = 0, to = 0; row < layer.queries; row++)
      for (let column = 0; column < layer.keys; column++, to += 4) {
        const at = entry(layer, head, view, row, column).at;
        const value = isMask ? null : layer.shade[at];
        const rgb = isMask ? paints[(layer.keep[at] ? 1 : 0) + (column < globals ? 2 : 0)]
          : [table[3 * value], table[3 * value + 1], table[3 * value + 2]];
        image.data[to] = rgb[0];
        image.data[to + 1] = rgb[1];
        image.data[to + 2] = rgb[2];
        image.data[to + 3] = 255;
      }
    context.putImageData(image, 0, 0);
    if (view.id === "reordered" && layer.globals[head] > 0 && layer.globals[head] < layer.keys) {
      context.fillStyle = "#ffffff";
      context.fillRect(layer.globals[head], 0, 1, layer.queries);
    }
  }

  function keptShare(layer, head) {
    const area = layer.queries * layer.keys;
    let kept = 0;
    for (let i = head * area; i < (head + 1) * area; i++) kept += layer.keep[i] ? 1 : 0;
    return kept / area;
  }

  function inWords(layer, index, head) {
    const words = ["layer " + index + ", head " + head];
    if (layer.keep) words.push((100 * keptShare(layer, head)).toFixed(1) + " % kept");
    if (layer.globals) words.push(layer.globals[head] + " global tokens");
    return words.join(", ");
  }

  function legendOf(view, data, layer, head) {
    const box = document.createElement("div");
    box.className = "key";
    const item = (name, words) => {
      const span = document.createElement("span"), swatch = document.createElement("i");
      swatch.style.background = "var(" + name + ")";
      span.append(swatch, words);
      box.append(span);
    };
    if (view.id === "mask" || view.id === "polarized") {
      item("--kept", "kept");
      item("--pruned", "pruned");
      if (view.id === "polarized") {
        item("--denser-kept", "denser part, kept");
        item("--denser-pruned", "denser part, pruned");
      }
      return box;
    }
    const bar = document.createElement("span"), peak = layer.peak[head];
    bar.className = "ramp";
    bar.style.background = "linear-gradient(to right," + data.colours.map((c) => "rgb(" + c + ")").join(",") + ")";
    box.append("≤ " + (peak / Math.pow(10, data.decades)).toPrecision(2), bar, peak.toPrecision(2));
    return box;
  }

  function viewer(data) {
    const table = ramp(data.colours), state = { run: 0, layer: 0, head: 0 };
    const run = () => data.runs[state.run];

    function figureOf(view) {
      const figure = document.createElement("figure");
      figure.innerHTML = '<figcaption><h3></h3></figcaption><div class="axes"><span class="keys"></span><span class="queries"></span>' +
        '<div class="frame" tabindex="0"><canvas role="img"></canvas></div></div>' +
        '<div class="foot"></div><div class="tools"><button type="button" data-export="svg">SVG</button>' +
        '<button type="button" data-export="png">PNG</button></div>';
      figure.dataset.view = view.id;
      figure.querySelector("h3").textContent = view.title;
      const canvas = figure.querySelector("canvas"), order = isOrdered(view) ? ", reordered" : "";
      figure.querySelector(".keys").textContent = "keys" + order + (order ? ", global tokens first →" : " →");
      figure.querySelector(".queries").textContent = "queries" + order + " →";
      figure.querySelector(".frame").setAttribute("aria-label", view.title + ", scrolls when it is zoomed");
      canvas.addEventListener("pointermove", (event) => {
        const layer = run().layers[state.layer], box = canvas.getBoundingClientRect();
        const row = Math.min(layer.queries - 1, Math.max(0, Math.floor((event.clientY - box.top) / box.height * layer.queries)));
        const column = Math.min(layer.keys - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * layer.keys)));
        const e = entry(layer, state.head, view, row, column), words = ["query " + e.query + ", key " + e.key];
        if (layer.keep) words.push(layer.keep[e.at] ? "kept" : "pruned");
        if (layer.shade) {
          const value = layer.peak[state.head] * Math.pow(10, (layer.shade[e.at] / 255 - 1) * data.decades);
          words.push("attention " + (layer.shade[e.at] ? "about " : "at most ") + value.toPrecision(2));
        }
        $("map-readout").textContent = words.join(", ");
      });
      return figure;
    }

    function show() {
      const layer = run().layers[state.layer], words = inWords(layer, state.layer, state.head);
      $("map-summary").textContent = words.charAt(0).toUpperCase() + words.slice(1);
      document.querySelectorAll("#map-heads button").forEach((button) => {
        const chosen = +button.dataset.layer === state.layer && +button.dataset.head === state.head;
        button.setAttribute("aria-selected", chosen);
        button.tabIndex = chosen ? 0 : -1;
      });
      document.querySelectorAll("#map-views figure").forEach((figure) => {
        const view = VIEWS.find((v) => v.id === figure.dataset.view), canvas = figure.querySelector("canvas");
        figure.hidden = !view.needs(layer);
        if (figure.hidden) return;
        paint(canvas, layer, state.head, view, table);
        canvas.setAttribute("aria-label", view.title + " of " + words + ": queries down, keys across");
        figure.querySelector(".frame").style.aspectRatio = layer.keys + " / " + layer.queries;
        figure.querySelector(".foot").replaceChildren(legendOf(view, data, layer, state.head));
      });
    }

    function choose(layer, head, focus) {
      state.layer = Math.min(Math.max(layer, 0), run().layers.length - 1);
      state.head = Math.min(Math.max(head, 0), run().layers[state.layer].heads - 1);
      show();
      const button = document.querySelector('#map-heads button[aria-selected="true"]');
      if (focus && button) button.focus();
    }

    function headButton(layer, index, head) {
      const button = document.createElement("button"), canvas = document.createElement("canvas");
      button.type = "button";
      button.setAttribute("role", "gridcell");
      button.dataset.layer = index;
      button.dataset.head = head;
      button.setAttribute("aria-label", inWords(layer, index, head));
      button.title = inWords(layer, index, head);
      button.append(canvas);
      button.addEventListener("click", () => choose(index, head, true));
      return button;
    }

    function thumbnails() {
      document.querySelectorAll("#map-heads button").forEach((button) => {
        const layer = run().layers[+button.dataset.layer];
        const view = VIEWS.filter((v) => v.id !== "reordered" && v.needs(layer)).pop();
        paint(button.querySelector("canvas"), layer, +button.dataset.head, view, table);
      });
    }

    async function build() {
      for (const layer of run().layers) await unpack(layer);
      const grid = $("map-heads"), most = Math.max(...run().layers.map((l) => l.heads));
      grid.classList.toggle("many", most > 6 || run().layers.length > 6);
      grid.replaceChildren(...run().layers.map((layer, index) => {
        const row = document.createElement("div"), name = document.createElement("span");
        row.setAttribute("role", "row");
        name.className = "name";
        name.setAttribute("role", "rowheader");
        name.textContent = "L" + index;
        row.append(name);
        for (let head = 0; head < layer.heads; head++) row.append(headButton(layer, index, head));
        return row;
      }));
      $("map-views").replaceChildren(...VIEWS.map(figureOf));
      thumbnails();
      choose(state.layer, state.head, false);
      $("maps").dataset.ready = "yes";
    }

    $("map-heads").addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!step) return;
      event.preventDefault();
      choose(state.layer + step[0], state.head + step[1], true);
    });
    $("map-zoom").addEventListener("input", () => {
      document.querySelectorAll("#map-views .frame canvas").forEach((canvas) => {
        canvas.style.width = 100 * $("map-zoom").value + "%";
      });
    });
    data.runs.forEach((one, i) => $("map-run").append(new Option(one.name, i)));
    $("map-run-label").hidden = data.runs.length < 2;
    $("map-run").addEventListener("change", () => {
      Object.assign(state, { run: +$("map-run").value, layer: 0, head: 0 });
      build();
    });
    listeners.push(() => { thumbnails(); show(); });
    $("maps").hidden = false;
    return build();
  }

  announce();
  if ($("map-data")) viewer(JSON.parse($("map-data").textContent));
})();
