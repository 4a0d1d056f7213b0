/** Longer side of recorded frames, in pixels. */
const LARGEST_SIDE = 256;

/** The camera of this device, shown in a video element; its frames become samples. */
export class Webcam {
  readonly #video: HTMLVideoElement;
  #stream: MediaStream | undefined;
  #starting: Promise<void> | undefined;
  #count = 0;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
  }

  get isOn(): boolean {
    return this.#stream !== undefined;
  }

  /** Whether it has been asked for, and nothing is seen yet. */
  get isStarting(): boolean {
    return this.#starting !== undefined;
  }

  /** Asks for the camera, once, however often it is called until that is there. @throws Error with a message for the visitor. */
  async start(): Promise<void> {
    if (this.isOn && !this.isStarting) return;
    this.#starting ??= this.#open().finally(() => (this.#starting = undefined));
    await this.#starting;
  }

  async #open(): Promise<void> {
    if (!('mediaDevices' in navigator)) throw new Error('This browser gives pages no camera; it does over HTTPS.');
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 320 } }, audio: false });
    } catch (cause) {
      const isDenied = cause instanceof DOMException && cause.name === 'NotAllowedError';
      const text = isDenied
        ? 'You have not allowed this page to use the camera.'
        : 'There is no camera, or it is in use.';
      throw new Error(`${text} Files and drawings work as well.`, { cause });
    }
    this.#video.srcObject = this.#stream;
    await this.#video.play();
  }

  stop(): void {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = undefined;
    this.#video.srcObject = null;
  }

  /** What it sees now. */
  async frame(): Promise<{ name: string; image: Blob }> {
    const { videoWidth, videoHeight } = this.#video;
    const scale = Math.min(1, LARGEST_SIDE / Math.max(videoWidth, videoHeight, 1));
    const canvas = new OffscreenCanvas(
      Math.max(1, Math.round(videoWidth * scale)),
      Math.max(1, Math.round(videoHeight * scale)),
    );
    canvas.getContext('2d')?.drawImage(this.#video, 0, 0, canvas.width, canvas.height);
    this.#count++;
    return { name: `frame ${this.#count}`, image: await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.92 }) };
  }
}
