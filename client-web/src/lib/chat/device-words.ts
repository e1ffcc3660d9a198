// What is said of cameras and screens. It comes with the members and with lessons, and not with the first visit.

import { i18n } from '$lib/i18n/i18n.svelte';

const ru = {
  title: 'Камеры и экраны',
  add: 'Подключить устройство',
  kind: 'Что это',
  does: { publish: 'камера', play: 'экран' },
  what: { publish: 'Камера или OBS', play: 'Экран, который показывает урок' },
  name: 'Название',
  example: { publish: 'Камера в зале', play: 'Экран в холле' },
  create: 'Создать ключ',
  badName: 'Дайте название: буквы или цифры, не длиннее 60 знаков.',
  tooMany: 'В группе уже слишком много устройств. Отключите лишние.',
  once: {
    publish: 'Ключ виден только сейчас. Вставьте адрес и ключ в программу камеры. В OBS: «Настройки», «Трансляция», сервис WHIP.',
    play: 'Ключ виден только сейчас. Вставьте адрес и ключ в программу экрана, которая понимает WHEP.',
  },
  address: { publish: 'Адрес (WHIP)', play: 'Адрес (WHEP)' },
  token: 'Ключ (Bearer Token)',
  copy: 'Скопировать',
  done: 'Готово',
  revoke: (name: string) => `Отозвать ключ: ${name}`,
  revokeQuestion: (name: string) => `Отозвать ключ «${name}»? Устройство сразу отключится и больше не подключится.`,
  turn: {
    mic: (name: string, on: boolean) => `${on ? 'Включить' : 'Выключить'} звук: ${name}`,
    camera: (name: string, on: boolean) => `${on ? 'Включить' : 'Выключить'} картинку: ${name}`,
  },
};

const en: typeof ru = {
  title: 'Cameras and displays',
  add: 'Connect a device',
  kind: 'What it is',
  does: { publish: 'camera', play: 'display' },
  what: { publish: 'Camera or OBS', play: 'Display that shows lessons' },
  name: 'Name',
  example: { publish: 'Camera in the hall', play: 'Display in the lobby' },
  create: 'Make a key',
  badName: 'Give it a name: letters or digits, 60 characters at most.',
  tooMany: 'The group has too many devices. Disconnect some.',
  once: {
    publish: 'The key shows only now. Put the address and the key into the camera’s program. In OBS: Settings, Stream, service WHIP.',
    play: 'The key shows only now. Put the address and the key into the display’s program, which has to know WHEP.',
  },
  address: { publish: 'Address (WHIP)', play: 'Address (WHEP)' },
  token: 'Key (bearer token)',
  copy: 'Copy',
  done: 'Done',
  revoke: (name) => `Revoke the key: ${name}`,
  revokeQuestion: (name) => `Revoke the key of “${name}”? The device is disconnected at once and cannot come back.`,
  turn: {
    mic: (name, on) => `Turn sound ${on ? 'on' : 'off'}: ${name}`,
    camera: (name, on) => `Turn picture ${on ? 'on' : 'off'}: ${name}`,
  },
};

export const deviceWords = (): typeof ru => (i18n.language === 'en' ? en : ru);
