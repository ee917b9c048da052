// What the sketch of docs/devices.md uses of Arduino's core, its libraries MQTT (256dpi) and ArduinoJson 7: enough to compile it.
#pragma once
#include <cstddef>
#include <utility>

class String {
public:
  String(const char *text = "");
  unsigned int length() const;
  const char *c_str() const;
  int lastIndexOf(char one) const;
  bool endsWith(const String &end) const;
  String substring(unsigned int from) const;
  String substring(unsigned int from, unsigned int to) const;
  bool operator==(const char *other) const;
  String &operator=(const char *text);
};
String operator+(const String &left, const String &right);
String operator+(const String &left, const char *right);
String operator+(const char *left, const String &right);
void delay(unsigned long ms);
unsigned long millis();

class Client {};
class WiFiClient : public Client {};
enum wl_status_t { WL_CONNECTED = 3 };
struct WiFiClass {
  void begin(const char *ssid, const char *password);
  wl_status_t status();
};
extern WiFiClass WiFi;

typedef void (*MQTTClientCallbackSimple)(String &topic, String &payload);
class MQTTClient {
public:
  explicit MQTTClient(int bufferSize = 128);
  void begin(const char hostname[], int port, Client &client);
  void onMessage(MQTTClientCallbackSimple callback);
  void setKeepAlive(int seconds);
  void setWill(const char topic[], const char payload[], bool retained, int qos);
  bool connect(const char clientId[], const char username[], const char password[]);
  bool publish(const char topic[], const char payload[], bool retained, int qos);
  bool subscribe(const char topic[], int qos);
  bool loop();
  bool connected();
};

struct JsonVariant {
  JsonVariant operator[](const char *name);
  bool operator|(bool fallback);
};
struct JsonDocument {
  JsonVariant operator[](const char *name);
};
void deserializeJson(JsonDocument &document, const String &text);
