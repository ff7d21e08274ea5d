// Fails, as its first argument says, in the way a .NET program fails when a piece was taken away. Log.* is a second assembly that run.sh replaces.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;

static class Native {
    [DllImport("libwidget")] public static extern int widget_open();
    [DllImport("libc")] public static extern int widget_gone();
}

static class Pieces {
    static void Main(string[] words) {
        switch (words[0]) {
            case "dll": Native.widget_open(); break;
            case "entry": Native.widget_gone(); break;
            case "zone": TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin2"); break;
            case "culture": new CultureInfo("xx-invalid-@"); break;
            case "culture2": Console.WriteLine(new CultureInfo("de-DE").NumberFormat.CurrencySymbol); break;
            case "region": new RegionInfo("QX"); break;
            case "codepage": Encoding.GetEncoding(1252); break;
            case "charset": Encoding.GetEncoding("shift_jis"); break;
            case "file": File.ReadAllText("/etc/shop/settings.json"); break;
            case "folder": File.ReadAllText("/srv/nofolder/settings.json"); break;
            case "folder2": Directory.GetFiles("plugins"); break;
            case "program": Process.Start(new ProcessStartInfo("pdftotext9", "x") { UseShellExecute = false }); break;
            case "type": Type.GetType("Acme.Gone, Acme.Lost", true); break;
            case "type2": Type.GetType("Acme.Gone", true); break;
            case "load": Assembly.Load("Acme.Plugin"); break;
            case "loadfrom": Assembly.LoadFrom("/srv/plugins/Acme.Plugin.dll"); break;
            case "bad": File.WriteAllText("bad.dll", "junk"); Assembly.LoadFrom(Path.GetFullPath("bad.dll")); break;
            case "activator": Activator.CreateInstance("Acme.Lost", "Acme.Gone"); break;
            case "resource": new System.Resources.ResourceManager("Shop.Texts", typeof(Pieces).Assembly).GetString("hello"); break;
            case "stream": using (var reader = new StreamReader(typeof(Pieces).Assembly.GetManifestResourceStream("Shop.seed.sql"))) { } break;
            case "tls": new HttpClient().GetStringAsync("https://localhost:" + words[1] + "/").GetAwaiter().GetResult(); break;
            case "down": new HttpClient().GetStringAsync("http://127.0.0.1:9/").GetAwaiter().GetResult(); break;
            case "dns": new HttpClient().GetStringAsync("http://orders.internal/").GetAwaiter().GetResult(); break;
            case "memory": { var kept = new List<byte[]>(); while (true) { var part = new byte[50 << 20]; for (int i = 0; i < part.Length; i += 4096) part[i] = 1; kept.Add(part); } }
            case "array": Console.WriteLine(new int[int.MaxValue - 100, 8].Length); break;
            case "stack": Deep(0); break;
            case "null": string none = null; Console.WriteLine(none.Length); break;
            case "key": Console.WriteLine(new Dictionary<string, int>()["qty"]); break;
            case "drawing": Type.GetType("System.Drawing.Bitmap, System.Drawing.Common", true); break;
            case "log": Uses.Method(); break;
            case "logtype": Uses.Kind(); break;
            case "logfield": Uses.Field(); break;
            case "init": Console.WriteLine(Holder.Value); break;
            case "brotli": new System.IO.Compression.GZipStream(new MemoryStream(), System.IO.Compression.CompressionMode.Compress).WriteByte(1); break;
            case "hash": System.Security.Cryptography.SHA256.Create().ComputeHash(new byte[1]); break;
            case "cert": new System.Security.Cryptography.X509Certificates.X509Certificate2("/etc/ssl/site.pfx", "pw"); break;
        }
    }
    static int Deep(int n) { return Deep(n + 1) + 1; }
}
static class Holder { public static readonly int Value; static Holder() { Value = Native.widget_open(); } }
static class Uses {
    public static void Method() { Log.Line("x"); }
    public static void Kind() { Console.WriteLine(new LogKind()); }
    public static void Field() { Console.WriteLine(Log.Level); }
}
