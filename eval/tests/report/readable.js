// What is wrong with the page as it is shown now: a list of complaints, empty for none.
(() => {
  const complaints = [];
  const complain = (what, element) => complaints.push(
    `${what}: <${element.tagName.toLowerCase()}> ${(element.textContent || '').trim().slice(0, 60)}`);
  const width = document.documentElement.clientWidth;
  const shown = element => element.checkVisibility();
  const all = (selector, within = document) => [...within.querySelectorAll(selector)].filter(shown);

  // Nothing is wider than the page, but what scrolls by itself.
  if (document.documentElement.scrollWidth > width) {
    complaints.push(`the page is ${document.documentElement.scrollWidth} wide, its window ${width}`);
  }
  const hidden = element => element.closest('thead') && getComputedStyle(element.closest('thead')).position === 'absolute';
  const out = new Set();
  for (const element of all('body *')) {
    const scrolls = element.closest('.scroll');
    const box = element.getBoundingClientRect();
    const apart = scrolls && scrolls !== element && getComputedStyle(scrolls).overflowX === 'auto';
    if (apart || hidden(element) || (box.right <= width + 0.5 && box.left >= -0.5)) continue;
    out.add(element);
    if (!out.has(element.parentElement)) complain('sticks out', element);
  }

  // A wide screen shows tables whole; on a narrow one they scroll.
  if (width >= 1280) for (const table of all('.scroll')) {
    const beyond = table.scrollWidth - table.clientWidth;
    if (beyond > 0) complain(`its last ${beyond} px are cut off`, table);
  }

  // Every section says something.
  for (const id of ['results', 'instructions', 'ratios', 'boots', 'distributions', 'disturbances', 'failures', 'doctor', 'environment', 'method', 'paper', 'repeat']) {
    const section = document.getElementById(id);
    if (!section || section.innerText.trim().length < 40) complaints.push(`section ${id} is missing or empty`);
  }

  // Drawings have a size, a name, and letters that can be read and do not collide.
  const svgs = all('svg');
  if (svgs.length < 10) complaints.push(`there are only ${svgs.length} drawings`);
  for (const svg of svgs) {
    const box = svg.getBoundingClientRect();
    if (box.width < 100 || box.height < 50) complain('too small', svg);
    for (const name of ['title', 'desc']) {
      if (!svg.querySelector(name)?.textContent.trim()) complain(`no ${name}`, svg);
    }
    const scale = box.width / svg.viewBox.baseVal.width;
    const texts = all('text', svg);
    for (const text of texts) {
      const size = parseFloat(getComputedStyle(text).fontSize) * scale;
      if (size < (matchMedia('print').matches ? 8 : 10)) complain(`letters of ${size.toFixed(1)} px`, text);
      const inside = text.getBoundingClientRect();
      if (inside.left < box.left - 1 || inside.right > box.right + 1) complain('cut off', text);
    }
    const boxes = texts.map(text => [text, text.getBoundingClientRect()]);
    boxes.forEach(([text, a], i) => boxes.slice(i + 1).forEach(([other, b]) => {
      const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (x > 1 && y > 4) complain(`"${other.textContent.trim()}" over`, text);
    }));
  }

  // Ordinary letters are not smaller than 11 px on a screen, and stand out from their ground.
  const channels = colour => (colour.match(/[\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const contrast = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  const speaks = element => [...element.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.data.trim());
  for (const element of all('body *').filter(speaks)) {
    if (element.closest('title, desc')) continue;
    const style = getComputedStyle(element);
    const colour = element.closest('svg') ? style.fill : style.color;
    const ratio = contrast(channels(colour), ground(element));
    if (ratio < 4.5) complain(`contrast ${ratio.toFixed(2)}`, element);
    if (!element.closest('svg') && !matchMedia('print').matches && parseFloat(style.fontSize) < 11) complain(`letters of ${style.fontSize}`, element);
  }
  return complaints;
})()
