int codec_open(int level) { return level + 1; }
