// Writes JSON piece by piece, with the commas where they belong.
#ifndef TCP_STRIPER_WAN_JSON_H_
#define TCP_STRIPER_WAN_JSON_H_

#include <stdio.h>

#include <cstdint>
#include <string>

namespace wan {

class Json {
 public:
  Json& Open(const char* key = nullptr) { return Begin(key, '{'); }
  Json& OpenList(const char* key = nullptr) { return Begin(key, '['); }
  Json& Close() { return End('}'); }
  Json& CloseList() { return End(']'); }

  Json& Put(const char* key, const std::string& text) {
    Key(key);
    Quote(text);
    return *this;
  }
  Json& Put(const char* key, const char* text) { return Put(key, std::string(text)); }
  Json& Put(const char* key, uint64_t number) { return Raw(key, std::to_string(number)); }
  Json& Put(const char* key, int64_t number) { return Raw(key, std::to_string(number)); }
  Json& Put(const char* key, int number) { return Raw(key, std::to_string(number)); }
  Json& Put(const char* key, bool is) { return Raw(key, is ? "true" : "false"); }
  Json& Put(const char* key, double number) {
    char text[32];
    snprintf(text, sizeof text, "%.6g", number);
    return Raw(key, text);
  }

  const std::string& text() const { return text_; }

 private:
  Json& Begin(const char* key, char bracket) {
    Key(key);
    text_ += bracket;
    first_ = true;
    return *this;
  }
  Json& End(char bracket) {
    text_ += bracket;
    first_ = false;
    return *this;
  }
  Json& Raw(const char* key, const std::string& value) {
    Key(key);
    text_ += value;
    return *this;
  }
  void Key(const char* key) {
    if (!first_) text_ += ',';
    first_ = false;
    if (key == nullptr) return;
    Quote(key);
    text_ += ':';
  }
  void Quote(const std::string& text) {
    text_ += '"';
    for (const char c : text) {
      if (c == '"' || c == '\\') text_ += '\\';
      if (static_cast<unsigned char>(c) < ' ') {
        char code[8];
        snprintf(code, sizeof code, "\\u%04x", c);
        text_ += code;
      } else {
        text_ += c;
      }
    }
    text_ += '"';
  }

  std::string text_;
  bool first_ = true;
};

}  // namespace wan

#endif  // TCP_STRIPER_WAN_JSON_H_
