/** Promised to other people's pages: showing content between the frame. */

export { show } from "../shell/show";
