/** Line icons, 16 × 16. */

const PATHS = {
  search: "M7 12.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM11 11l3.5 3.5",
  warning: "M8 2 14.5 13.5h-13ZM8 6.5v3.2M8 11.7v.1",
  columns: "M2 3h12v10H2ZM6 3v10M10 3v10",
  copy: "M5.5 5.5h8v8h-8ZM10.5 5.5v-3h-8v8h3",
  check: "m3 8.5 3.2 3.2L13 5",
  pencil: "M10.5 2.8 13.2 5.5 5.5 13.2l-3.2.5.5-3.2ZM9 4.3 11.7 7",
  close: "m4 4 8 8M12 4l-8 8",
  up: "m4.5 9.5 3.5-3.5 3.5 3.5",
  down: "m4.5 6.5 3.5 3.5 3.5-3.5",
  right: "m6 4 4 4-4 4",
  send: "M2 8h9M8 4.5 11.5 8 8 11.5M14 3.5v9",
};

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
