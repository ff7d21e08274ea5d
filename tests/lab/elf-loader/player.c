#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
int codec_open(int level);
int main(int argc, char **argv) {
  if (argc > 2 && !strcmp(argv[1], "dlopen")) {
    void *h = dlopen(argv[2], RTLD_NOW);
    if (!h || (argc > 3 && !dlsym(h, argv[3]))) { fprintf(stderr, "player: plugin: %s\n", dlerror()); return 1; }
    return 0;
  }
  printf("level %d\n", codec_open(1));
  return 0;
}
