# The build that node-gyp drives. native/CMakeLists.txt builds the same sources, which native/sources.txt lists once.
{
  "targets": [
    {
      "target_name": "tcp_striper",
      "conditions": [
        # epoll, splice and TCP_INFO are Linux. Elsewhere there is nothing to build, and node:net does the work.
        ["OS!='linux'", { "type": "none" }],
        ["OS=='linux'", {
          "sources": ["<!@(sed s,^,native/, native/sources.txt)"],
          "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
          "defines": [
            "NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS", "<!@(sh native/find-codecs.sh defines)"
          ],
          "libraries": ["<!@(sh native/find-codecs.sh libraries)"],
          # The libraries inside are ours alone: Node exports some of the same names, of other versions.
          "ldflags": ["-Wl,-Bsymbolic", "-Wl,--exclude-libs,ALL"],
          "cflags_cc!": ["-std=gnu++14", "-std=gnu++17", "-std=gnu++20"],
          "cflags_cc": [
            "-std=c++17", "-fno-exceptions", "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-Wall", "-Wextra"
          ]
        }]
      ]
    }
  ]
}
