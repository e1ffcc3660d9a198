import adapter from '@sveltejs/adapter-static';

/** @type {import('@sveltejs/kit').Config} */
export default {
  kit: {
    adapter: adapter({ fallback: 'index.html' }),
    // The server sends the policy; see server/src/http/client.rs.
    version: { pollInterval: 0 },
  },
  compilerOptions: { runes: true },
};
