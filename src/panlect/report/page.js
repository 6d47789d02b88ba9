// Two comforts; the page is complete without them. Heads of tables sort, and a heat map tells the value under the pointer.
for (const table of document.querySelectorAll("main table")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  if (body.rows.length < 3) continue;
  heads.forEach((head, place) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[place].dataset.sort ?? row.cells[place].textContent.trim();
      const rows = [...body.rows].sort((a, b) => {
        const [left, right] = [key(a), key(b)];
        const order = isNaN(left) || isNaN(right) ? left.localeCompare(right) : left - right;
        return down ? -order : order;
      });
      body.append(...rows);
    });
  });
}
for (const readout of document.querySelectorAll(".readout")) {
  const { names, rows } = JSON.parse(readout.dataset.grid);
  const drawing = readout.parentElement.querySelector("svg");
  const cells = [...drawing.querySelectorAll("path[fill^='var(--heat']")];
  drawing.addEventListener("pointermove", (event) => {
    const boxes = cells.map((cell) => cell.getBoundingClientRect()).filter((box) => box.width > 20);
    const left = Math.min(...boxes.map((box) => box.left)), right = Math.max(...boxes.map((box) => box.right));
    const top = Math.min(...boxes.map((box) => box.top)), bottom = Math.max(...boxes.map((box) => box.bottom));
    const column = Math.floor(((event.clientX - left) / (right - left)) * names.length);
    const row = Math.floor(((event.clientY - top) / (bottom - top)) * names.length);
    const value = rows[row]?.[column];
    if (value === undefined) return;
    readout.textContent = `${names[row]} × ${names[column]}: ${value < 0 ? "–" : (value / 1000).toFixed(3)}`;
  });
}
