/**
 * Moving and scaling a stretch of time by hand. Mouse: dragging chooses a part, with Shift it moves; the wheel scales with
 * Ctrl, and moves with Shift or sideways. Touch: one finger moves, two scale. Keys: arrows move, + and - scale, End is now.
 */

import type { Stretch } from "./stretch";

const KEY_SHARE = 0.25; // of the width, a press of an arrow
const KEY_FACTOR = 1.5;
const WHEEL_FACTOR = 1.002; // a pixel of the wheel
const WHEEL_SHARE = 1 / 1_000;
const STARTED_PX = 6; // a finger that has moved less only taps
const LINE_PX = 16; // browsers that count the wheel in lines

/** Keys on all the charts. @returns stops it */
export function withKeys(element: HTMLElement | null, stretch: Stretch): () => void {
  if (!element) return () => {};
  const keyed = (event: KeyboardEvent) => {
    if (event.target !== element || event.ctrlKey || event.altKey || event.metaKey) return;
    const share = event.shiftKey ? 1 : KEY_SHARE;
    if (event.key === "ArrowLeft") stretch.move(-share);
    else if (event.key === "ArrowRight") stretch.move(share);
    else if (event.key === "+" || event.key === "=") stretch.scale(1 / KEY_FACTOR);
    else if (event.key === "-") stretch.scale(KEY_FACTOR);
    else if (event.key === "End") stretch.zoom(null);
    else return;
    event.preventDefault();
  };
  element.addEventListener("keydown", keyed);
  return () => element.removeEventListener("keydown", keyed);
}

/** Mouse and touch on one chart. @returns stops it */
export function withGestures(over: HTMLElement, stretch: Stretch): () => void {
  const ends = [withWheel(over, stretch), withDragging(over, stretch), withFingers(over, stretch)];
  return () => ends.forEach((end) => end());
}

function withWheel(over: HTMLElement, stretch: Stretch): () => void {
  const turned = (event: WheelEvent) => {
    const unit = event.deltaMode === 1 ? LINE_PX : 1;
    const [x, y] = [event.deltaX * unit, event.deltaY * unit];
    if (event.ctrlKey) stretch.scale(WHEEL_FACTOR ** y, partOf(over, event.clientX));
    else if (event.shiftKey || Math.abs(x) > Math.abs(y)) stretch.move((event.shiftKey ? x || y : x) * WHEEL_SHARE);
    else return; // the page scrolls
    event.preventDefault();
  };
  over.addEventListener("wheel", turned, { passive: false });
  return () => over.removeEventListener("wheel", turned);
}

/** With Shift the mouse moves the stretch; before uPlot hears of it, which would choose a part. */
function withDragging(over: HTMLElement, stretch: Stretch): () => void {
  const moved = (event: MouseEvent) => stretch.move(-event.movementX / over.clientWidth);
  const released = () => document.removeEventListener("mousemove", moved);
  const pressed = (event: MouseEvent) => {
    if (!event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    document.addEventListener("mousemove", moved);
    document.addEventListener("mouseup", released, { once: true });
  };
  const holder = over.parentElement ?? over;
  holder.addEventListener("mousedown", pressed, { capture: true });
  return () => {
    holder.removeEventListener("mousedown", pressed, { capture: true });
    released();
  };
}

/** Fingers sideways; up and down the page scrolls (`touch-action` says so in the style sheet). */
function withFingers(over: HTMLElement, stretch: Stretch): () => void {
  const fingers = new Map<number, number>(); // where each is, in pixels
  let started = false;
  const pressed = (event: PointerEvent) => {
    if (event.pointerType === "mouse") return;
    fingers.set(event.pointerId, event.clientX);
    started = fingers.size > 1;
  };
  const moved = (event: PointerEvent) => {
    const before = fingers.get(event.pointerId);
    if (before === undefined) return;
    started ||= Math.abs(event.clientX - before) > STARTED_PX;
    if (!started) return;
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    fingers.set(event.pointerId, event.clientX);
    if (other === undefined) stretch.move((before - event.clientX) / over.clientWidth);
    else if (event.clientX !== other) stretch.scale(Math.abs((before - other) / (event.clientX - other)), partOf(over, other));
  };
  const lifted = (event: PointerEvent) => fingers.delete(event.pointerId);
  over.addEventListener("pointerdown", pressed);
  over.addEventListener("pointermove", moved);
  for (const end of ["pointerup", "pointercancel"] as const) window.addEventListener(end, lifted);
  return () => {
    over.removeEventListener("pointerdown", pressed);
    over.removeEventListener("pointermove", moved);
    for (const end of ["pointerup", "pointercancel"] as const) window.removeEventListener(end, lifted);
  };
}

/** Where in its width a place is, 0…1. */
function partOf(over: HTMLElement, clientX: number): number {
  const { left, width } = over.getBoundingClientRect();
  return Math.min(1, Math.max(0, (clientX - left) / width));
}
