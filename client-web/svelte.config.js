import adapter from '@sveltejs/adapter-static';

/** @type {import('@sveltejs/kit').Config} */
export default {
  kit: {
    // Compressed beside the files themselves; see server/src/http/client.rs.
    adapter: adapter({ fallback: 'index.html', precompress: true }),
    // The server sends the policy; see server/src/http/client.rs.
    version: { pollInterval: 0 },
    // Registered once the page is of use; see src/lib/offline.
    serviceWorker: { register: false },
  },
  compilerOptions: { runes: true },
};
