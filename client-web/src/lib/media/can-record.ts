/** Whether this browser records at all: over plain HTTP, for one, it does not. */
export const canRecord = (): boolean => 'MediaRecorder' in window && 'mediaDevices' in navigator;
