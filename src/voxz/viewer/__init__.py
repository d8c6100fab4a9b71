"""Images in a browser: pages with NiiVue that decode .voxz files themselves, and a server of this machine that lists a folder."""
