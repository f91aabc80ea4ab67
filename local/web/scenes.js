// What big gifts look like: each scene is a picture of its time t from 0 to 1, so that a dropped frame changes nothing.

const turn = Math.PI * 2;
const hues = [330, 45, 190, 275, 15, 150];

/** scene: {width, height, t, name, icon, caption}. */
export function draw(c, scene) {
  const { width, height, t, icon } = scene;
  const fade = Math.min(1, t * 8, (1 - t) * 5);
  c.save();
  c.globalAlpha = fade * 0.45;
  c.fillStyle = '#07051a';
  c.fillRect(0, 0, width, height);
  c.globalAlpha = fade;
  (scenes[scene.name] ?? scenes.stars)(c, { ...scene, unit: Math.min(width, height), emoji: /^\w|\//.test(icon) ? '🎁' : icon });
  c.restore();
  caption(c, scene, fade);
}

export const scenes = {
  // A shower of the gift itself, around a big one that grows.
  stars(c, { width, height, t, unit, emoji }) {
    for (let i = 0; i < 40; i++) {
      const life = (t * (0.8 + spread(i, 1) * 0.7) + spread(i, 2)) % 1;
      const x = width * (spread(i, 3) * 1.2 - 0.1 - life * 0.12);
      symbol(c, emoji, x, height * (life * 1.3 - 0.15), unit * (0.035 + spread(i, 4) * 0.06), life * 3 + i, Math.sin(life * Math.PI));
    }
    glow(c, width / 2, height * 0.44, unit * 0.34, 48, 0.5);
    symbol(c, emoji, width / 2, height * 0.44, unit * 0.34 * bounce(t), Math.sin(t * 9) * 0.12, 1);
  },

  // From the lower left into the upper right, on a tail of fire.
  rocket(c, { width, height, t, unit, emoji }) {
    const at = (s) => ({ x: width * (-0.1 + 1.25 * s ** 1.5), y: height * (1.08 - 1.3 * s ** 1.35) });
    c.globalCompositeOperation = 'lighter';
    for (let i = 0; i < 110; i++) {
      const age = spread(i, 1) * 0.36;
      const born = t * 1.15 - age;
      if (born < 0) continue;
      const from = at(born);
      const drift = unit * age * 0.45;
      ball(c, from.x + (spread(i, 2) - 0.5) * drift, from.y + (spread(i, 3) - 0.3) * drift, unit * (0.012 + age * 0.07), 48 - age * 110, (1 - age / 0.36) * 0.5);
    }
    const head = at(t * 1.15);
    glow(c, head.x, head.y, unit * 0.22, 35, 0.6);
    c.globalCompositeOperation = 'source-over';
    symbol(c, emoji, head.x, head.y, unit * 0.24, 0, 1);
  },

  // Bursts all over the sky, and the gift in the middle of them.
  fireworks(c, { width, height, t, unit, emoji }) {
    c.globalCompositeOperation = 'lighter';
    for (let burst = 0; burst < 12; burst++) {
      const life = (t - burst * 0.055) / 0.34;
      if (life < 0 || life > 1) continue;
      const center = { x: width * (0.08 + ((burst * 0.618) % 1) * 0.84), y: height * (0.12 + spread(burst, 2) * 0.4) };
      const reach = unit * (0.2 + spread(burst, 3) * 0.16) * (1 - (1 - life) ** 3);
      const hue = hues[burst % hues.length];
      glow(c, center.x, center.y, unit * 0.34 * (1 - life), hue, 0.8 * (1 - life));
      for (let i = 0; i < 38; i++) streak(c, center, reach * (0.5 + spread(i, burst + 4) * 0.5), (i / 38) * turn, life, hue, unit);
    }
    c.globalCompositeOperation = 'source-over';
    glow(c, width / 2, height * 0.6, unit * 0.34, 300, 0.5);
    symbol(c, emoji, width / 2, height * 0.6, unit * 0.32 * bounce(t), 0, 1);
  },
};

function streak(c, center, reach, angle, life, hue, unit) {
  const fall = life * life * unit * 0.1;
  const at = (r) => [center.x + Math.cos(angle) * r, center.y + Math.sin(angle) * r + fall * (r / reach)];
  c.strokeStyle = `hsl(${hue} 100% ${88 - life * 26}% / ${(1 - life) ** 0.6})`;
  c.lineWidth = unit * 0.008 * (1.15 - life);
  c.lineCap = 'round';
  c.beginPath();
  c.moveTo(...at(reach * (0.5 + life * 0.3)));
  c.lineTo(...at(reach));
  c.stroke();
}

function caption(c, { width, height, caption: text }, fade) {
  const size = Math.max(13, Math.round(Math.min(width, height) * 0.055));
  c.save();
  c.globalAlpha = fade;
  c.font = `800 ${size}px system-ui, sans-serif`;
  c.textAlign = 'center';
  c.lineWidth = size / 6;
  c.lineJoin = 'round';
  c.strokeStyle = '#000a';
  c.strokeText(text, width / 2, height * 0.86, width * 0.9);
  c.fillStyle = '#ffe9b0';
  c.fillText(text, width / 2, height * 0.86, width * 0.9);
  c.restore();
}

function symbol(c, emoji, x, y, size, angle, alpha) {
  c.save();
  c.globalAlpha *= alpha;
  c.translate(x, y);
  c.rotate(angle);
  c.font = `${Math.max(1, Math.round(size))}px system-ui, sans-serif`;
  c.textAlign = 'center';
  c.textBaseline = 'middle';
  c.fillStyle = '#fff';
  c.fillText(emoji, 0, 0);
  c.restore();
}

function ball(c, x, y, radius, hue, alpha) {
  c.fillStyle = `hsl(${hue} 100% 64% / ${Math.max(0, alpha)})`;
  c.beginPath();
  c.arc(x, y, Math.max(0, radius), 0, turn);
  c.fill();
}

function glow(c, x, y, radius, hue, alpha) {
  if (radius <= 0) return;
  const light = c.createRadialGradient(x, y, 0, x, y, radius);
  light.addColorStop(0, `hsl(${hue} 100% 66% / ${alpha})`);
  light.addColorStop(1, 'transparent');
  c.fillStyle = light;
  c.fillRect(x - radius, y - radius, radius * 2, radius * 2);
}

/** Comes out of nothing, goes a little too far, and stands. */
const bounce = (t) => (t < 0.12 ? (t / 0.12) * 1.25 : t < 0.2 ? 1.25 - ((t - 0.12) / 0.08) * 0.25 : 1);

/** A fixed sequence from 0 to 1 instead of random numbers. */
function spread(i, k) {
  const x = Math.sin(i * 127.1 + k * 311.7) * 43758.5453;
  return x - Math.floor(x);
}
