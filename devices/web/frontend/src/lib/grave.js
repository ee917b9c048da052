/** Which commands ask back before they are sent. Pure. */

/** @import {Command} from "#client/types.js" */

const GRAVE = /reboot|restart|reset|shut.?down|power.?off|halt|erase|wipe|delete|format|factory|upgrade|uninstall/i;

/** Whether a command may cost the device its work, or for a while its link. @param {string} name */
export function isGrave(name) {
  return GRAVE.test(name);
}

/**
 * Whether such a command has been sent and not been answered yet: once is enough.
 * @param {Command[]} commands  the device's
 * @param {string} name
 */
export function isUnderWay(commands, name) {
  return isGrave(name) && commands.some((one) => one.name === name && ["accepted", "sent"].includes(one.status));
}
