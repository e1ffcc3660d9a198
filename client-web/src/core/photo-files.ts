// Which files may be photos. Apart from what makes photos smaller (photo.ts), which comes with the first of them.

/** Whether it may be a photo, by what the system says of it. */
export const mayBePhoto = ({ type, name }: File): boolean => /^image\/(jpeg|png|webp|hei[cf])$/u.test(type) || /\.hei[cf]$/iu.test(name);
