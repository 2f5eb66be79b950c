// DOMException, Event, CustomEvent and EventTarget: Web IDL 4.3, DOM 2, as far as code without a document uses them. There is no tree: an event's path is its target.

import { core } from "./core";
import { finishClass, giveSlot, slotOf } from "./slot";

const { isObject, reportError } = core;
const { apply } = Reflect;

const codes: Record<string, number> = {
  IndexSizeError: 1, HierarchyRequestError: 3, WrongDocumentError: 4, InvalidCharacterError: 5, NoModificationAllowedError: 7, NotFoundError: 8, NotSupportedError: 9,
  InUseAttributeError: 10, InvalidStateError: 11, SyntaxError: 12, InvalidModificationError: 13, NamespaceError: 14, InvalidAccessError: 15, TypeMismatchError: 17,
  SecurityError: 18, NetworkError: 19, AbortError: 20, URLMismatchError: 21, QuotaExceededError: 22, TimeoutError: 23, InvalidNodeTypeError: 24, DataCloneError: 25,
};

/** An Error with a name of its own. Name and message are own properties, as those of any error are that the codec keeps. */
export const DOMException: any = class extends Error {
  constructor(message: unknown = "", options: unknown = "Error") {
    super(String(message));
    const put = (key: string, value: unknown) => Object.defineProperty(this, key, { value, writable: true, enumerable: false, configurable: true });
    if (isObject(options)) {
      const { name, cause } = options as any;
      put("name", name === undefined ? "Error" : String(name));
      if ("cause" in options) put("cause", cause);
    } else put("name", String(options));
    if (this.message === "") put("message", "");
  }
  get code(): number {
    return Object.prototype.hasOwnProperty.call(codes, this.name) ? codes[this.name] : 0;
  }
};
finishClass(DOMException, "DOMException", 0);

function constants(constructor: any, values: Record<string, number>): void {
  for (const name of Object.keys(values)) {
    for (const holder of [constructor, constructor.prototype]) Object.defineProperty(holder, name, { value: values[name], enumerable: true });
  }
}
/** INDEX_SIZE_ERR and so on. */
const legacyName = (name: string): string =>
  ({ URLMismatchError: "URL_MISMATCH", InUseAttributeError: "INUSE_ATTRIBUTE" } as Record<string, string>)[name] ??
  name
    .replace(/Error$/, "")
    .replace(/(?<=[a-z])(?=[A-Z])/g, "_")
    .toUpperCase();
const legacy: Record<string, number> = {};
for (const name of Object.keys(codes)) legacy[legacyName(name) + "_ERR"] = codes[name];
legacy.DOMSTRING_SIZE_ERR = 2;
legacy.NO_DATA_ALLOWED_ERR = 6;
legacy.VALIDATION_ERR = 16;
constants(DOMException, legacy);

interface EventState {
  type: string;
  bubbles: boolean;
  cancelable: boolean;
  composed: boolean;
  detail: unknown;
  target: any;
  currentTarget: any;
  timeStamp: number;
  isTrusted: boolean;
  isDispatched: boolean;
  isCanceled: boolean;
  inPassiveListener: boolean;
  stopsPropagation: boolean;
  stopsImmediately: boolean;
}

const eventOf = (event: unknown, member: string): EventState => slotOf(event, "Event", "Event.prototype." + member);

export const Event: any = class {
  constructor(type: unknown, options?: any) {
    if (arguments.length === 0) throw new TypeError("Event: the type is missing");
    const { bubbles = false, cancelable = false, composed = false } = options ?? {};
    const state: EventState = {
      type: String(type), bubbles: !!bubbles, cancelable: !!cancelable, composed: !!composed, detail: null, target: null, currentTarget: null, timeStamp: Date.now(),
      isTrusted: false, isDispatched: false, isCanceled: false, inPassiveListener: false, stopsPropagation: false, stopsImmediately: false,
    };
    giveSlot(this, "Event", state);
  }
  get type() {
    return eventOf(this, "type").type;
  }
  get target() {
    return eventOf(this, "target").target;
  }
  get srcElement() {
    return eventOf(this, "srcElement").target;
  }
  get currentTarget() {
    return eventOf(this, "currentTarget").currentTarget;
  }
  get eventPhase() {
    return eventOf(this, "eventPhase").currentTarget === null ? 0 : 2;
  }
  get bubbles() {
    return eventOf(this, "bubbles").bubbles;
  }
  get cancelable() {
    return eventOf(this, "cancelable").cancelable;
  }
  get composed() {
    return eventOf(this, "composed").composed;
  }
  get defaultPrevented() {
    return eventOf(this, "defaultPrevented").isCanceled;
  }
  get returnValue() {
    return !eventOf(this, "returnValue").isCanceled;
  }
  get cancelBubble() {
    return eventOf(this, "cancelBubble").stopsPropagation;
  }
  set cancelBubble(value: unknown) {
    if (value) eventOf(this, "cancelBubble").stopsPropagation = true;
  }
  get timeStamp() {
    return eventOf(this, "timeStamp").timeStamp;
  }
  get isTrusted() {
    return eventOf(this, "isTrusted").isTrusted;
  }
  composedPath() {
    const { currentTarget } = eventOf(this, "composedPath");
    return currentTarget === null ? [] : [currentTarget];
  }
  preventDefault() {
    const state = eventOf(this, "preventDefault");
    if (state.cancelable && !state.inPassiveListener) state.isCanceled = true;
  }
  stopPropagation() {
    eventOf(this, "stopPropagation").stopsPropagation = true;
  }
  stopImmediatePropagation() {
    const state = eventOf(this, "stopImmediatePropagation");
    state.stopsPropagation = state.stopsImmediately = true;
  }
};
finishClass(Event, "Event", 1);
constants(Event, { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 });

export const CustomEvent: any = class extends Event {
  constructor(type: unknown, options?: any) {
    if (arguments.length === 0) throw new TypeError("CustomEvent: the type is missing");
    super(type, options);
    eventOf(this, "detail").detail = options?.detail === undefined ? null : options.detail;
  }
  get detail() {
    return eventOf(this, "detail").detail;
  }
};
finishClass(CustomEvent, "CustomEvent", 1);

interface Listener {
  type: string;
  callback: any;
  capture: boolean;
  passive: boolean;
  once: boolean;
  signal: any;
  removed: boolean;
  /** An event handler attribute's place in the list, as `onabort`. */
  isHandler: boolean;
}

export const targetKind = "EventTarget";
export const targetOf = (target: unknown, member: string): any => slotOf(target, targetKind, "EventTarget.prototype." + member);

export const EventTarget: any = class {
  constructor() {
    giveSlot(this, targetKind, { listeners: [] });
  }
  addEventListener(type: unknown, callback: any, options?: any): void {
    const state = targetOf(this, "addEventListener");
    if (callback !== null && callback !== undefined && !isObject(callback)) throw new TypeError("addEventListener: the listener is neither a function nor an object");
    const given = isObject(options) ? (options as any) : { capture: options };
    const { capture = false, once = false, passive = false, signal } = given;
    addListener(state, { type: String(type), callback, capture: !!capture, once: !!once, passive: !!passive, signal, removed: false, isHandler: false });
  }
  removeEventListener(type: unknown, callback: any, options?: any): void {
    const state = targetOf(this, "removeEventListener");
    const capture = !!(isObject(options) ? (options as any).capture : options);
    const name = String(type);
    for (const listener of state.listeners) if (!listener.isHandler && isSame(listener, name, callback, capture)) return removeListener(state, listener);
  }
  dispatchEvent(event: any): boolean {
    targetOf(this, "dispatchEvent");
    const state = eventOf(event, "type");
    if (state.isDispatched) throw new DOMException("the event is being dispatched already", "InvalidStateError");
    state.isTrusted = false;
    return dispatch(this, event);
  }
};
finishClass(EventTarget, "EventTarget", 0);

function isSame(listener: Listener, type: string, callback: unknown, capture: boolean): boolean {
  return listener.type === type && listener.callback === callback && listener.capture === capture;
}

/** How the listeners that a signal removes hang on it: see abort.ts. */
export const signals: { isAborted(signal: any): boolean; onAbort(signal: any, target: any, listener: Listener): void } = {} as any;

export function addListener(state: any, listener: Listener): void {
  const { signal, callback } = listener;
  if (signal !== undefined && signals.isAborted(signal)) return;
  if (callback === null || callback === undefined) return;
  for (const other of state.listeners) if (!listener.isHandler && !other.isHandler && isSame(other, listener.type, callback, listener.capture)) return;
  // A new list: one that is being walked stays as it is.
  state.listeners = state.listeners.concat([listener]);
  if (signal !== undefined) signals.onAbort(signal, state.owner, listener);
}

export function removeListener(state: any, listener: Listener): void {
  listener.removed = true;
  state.listeners = state.listeners.filter((other: Listener) => other !== listener);
}

/** DOM 2.9: at the target only. False if a listener has prevented the default. */
export function dispatch(target: any, event: any): boolean {
  const state = eventOf(event, "type");
  state.isDispatched = true;
  state.target = state.currentTarget = target;
  const owner = targetOf(target, "dispatchEvent");
  for (const capture of [true, false]) {
    if (state.stopsPropagation) break;
    for (const listener of owner.listeners) {
      if (state.stopsImmediately) break;
      if (listener.removed || listener.type !== state.type || listener.capture !== capture) continue;
      if (listener.once) removeListener(owner, listener);
      invoke(target, event, state, listener);
    }
  }
  state.isDispatched = state.stopsPropagation = state.stopsImmediately = false;
  state.currentTarget = null;
  return !state.isCanceled;
}

function invoke(target: any, event: any, state: EventState, listener: Listener): void {
  const { callback } = listener;
  state.inPassiveListener = listener.passive;
  try {
    if (listener.isHandler) {
      if (apply(callback, target, [event]) === false) event.preventDefault();
    } else if (typeof callback === "function") apply(callback, target, [event]);
    else apply(callback.handleEvent, callback, [event]);
  } catch (error) {
    reportError(error);
  }
  state.inPassiveListener = false;
}

export type { Listener };
